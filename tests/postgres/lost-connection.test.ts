import { join } from 'node:path'
import { expect } from 'vitest'
import { withPostgres } from '../../src/embedded/postgres.ts'
import { type Database, type Files, test, until, withDatabase, writeFolder } from '../support/database.ts'
import { type Fate, type Message, startProxy } from '../support/proxy.ts'

const files = {
  // The select keeps the two from sharing a message, so that each has a COMMIT of its own.
  '001_ledger.sql': 'create table ledger (name text); insert into ledger values (1); select 1',
  '002_more.sql': 'insert into ledger values (2); select 1',
}
const seeds = { '010_seed.sql': `insert into ledger values ('seed')` }

async function upThrough(db: Database, judge: (message: Message) => Fate) {
  db.files(files)
  db.seeds(seeds)
  await using proxy = await startProxy(Number(new URL(db.url).port), judge)
  const outcome = await db.up(['--seed', 'demo'], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
  return { ...outcome, connections: proxy.connections() }
}

/** Everything ran once, whatever happened on the way. */
async function expectOnce(db: Database) {
  expect(await db.query('select name from ledger order by name')).toEqual([
    { name: '1' },
    { name: '2' },
    { name: 'seed' },
  ])
  expect((await db.history())!.toSorted()).toEqual([
    'migration 001_ledger applied',
    'migration 002_more applied',
    'seed 010_seed.sql applied',
  ])
  const again = await db.up(['--seed', 'demo'])
  expect(again.exitCode).toBe(0)
  expect(again.stderr).toContain('up to date     2 migrations and the seeds for demo')
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
}

const isCommit = ({ text }: Message) => /^\s*commit\s*;?\s*$/i.test(text) || /commit\s*$/i.test(text)

test.for([1, 2, 3, 4])(
  'the answer to COMMIT number %i is lost: the history knows, exit 0, all of it once',
  async (which, { db }) => {
    let commits = 0
    const { exitCode, stderr, connections } = await upThrough(db, (message) =>
      isCommit(message) && (commits += 1) === which ? 'drop reply' : 'forward',
    )
    expect(exitCode, stderr).toBe(0)
    expect(connections).toBe(2)
    expect(stderr).toMatch(/^disconnected /m)
    await expectOnce(db)
  },
)

test.for([1, 2, 3, 4])(
  'COMMIT number %i itself is lost: applied again, exit 0, all of it once',
  async (which, { db }) => {
    let commits = 0
    const { exitCode, stderr, connections } = await upThrough(db, (message) =>
      isCommit(message) && (commits += 1) === which ? 'drop request' : 'forward',
    )
    expect(exitCode, stderr).toBe(0)
    expect(connections).toBe(2)
    await expectOnce(db)
  },
)

test('what was committed although its answer was lost is reported as applied, once', async ({ db }) => {
  let commits = 0
  const { applied, seeded, stderr } = await upThrough(db, (message) =>
    isCommit(message) && (commits += 1) === 2 ? 'drop reply' : 'forward',
  )
  expect(applied).toEqual(['001_ledger', '002_more'])
  expect(seeded).toEqual(['010_seed.sql'])
  expect(stderr).toContain('done           2 migrations and 1 seed applied')
  expect(await db.query('select outcome from upfront.runs order by id')).toEqual([{ outcome: 'done' }])
})

test.for(['drop request', 'drop reply'] as const)(
  'a connection that dies at any message (%s): exit 0 and everything once',
  { timeout: 60_000 },
  async (fate, { db }) => {
    const port = Number(new URL(db.url).port)
    // Each trial has a history, a lock and a ledger of its own, so that all can run at once.
    const trial = async (schema: string, judge?: (message: Message) => Fate) => {
      await using proxy = await startProxy(port, judge)
      const [migrations, seedsDir] = [join(db.dir, schema, 'migrations'), join(db.dir, schema, 'seeds')]
      const ours = (files: Files) =>
        Object.fromEntries(Object.entries(files).map(([name, sql]) => [name, `set search_path = ${schema}; ${sql}`]))
      writeFolder(migrations, ours(files))
      writeFolder(seedsDir, ours(seeds))
      await db.query(`create schema if not exists ${schema}`)
      const env = {
        UPFRONT_SCHEMA: schema,
        UPFRONT_MIGRATIONS_DIR: migrations,
        UPFRONT_SEEDS_DIR: seedsDir,
        UPFRONT_SEED: 'demo',
      }
      const first = await db.up([], { ...env, UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
      // Whatever was left has to be mendable by starting again.
      const again = await db.up([], env)
      const rows = await db.query<{ name: string }>(`select name from ${schema}.ledger order by name`)
      return { first, again, rows: rows.map(({ name }) => name), messages: [...proxy.messages] }
    }
    const { messages } = await trial('counted')
    const questions = messages.filter(({ type }) => ['ssl', 'startup', 'p', 'Q', 'P'].includes(type))
    expect(questions.length).toBeGreaterThan(15)

    const broken: unknown[] = []
    const attempt = async ({ number: last, type, text }: Message) => {
      const { first, again, rows } = await trial(`at_${last}`, ({ number, connection }) =>
        number === last && connection === 1 ? fate : 'forward',
      )
      const good = first.exitCode === 0 && again.exitCode === 0 && rows.join() === '1,2,seed'
      const end = first.stderr.trimEnd().split('\n').at(-1)
      if (!good) broken.push({ at: `${type} ${text.trim().slice(0, 70)}`, end, again: again.exitCode, rows })
    }
    await Promise.all(questions.map(attempt))
    expect(broken).toEqual([])
  },
)

test('a connection that is lost every time: exit 32, and starting again helps', async ({ db }) => {
  const { exitCode, stderr } = await upThrough(db, (message) => (isCommit(message) ? 'drop request' : 'forward'))
  expect(exitCode, stderr).toBe(32)
  expect(stderr).toContain('(LOST, exit 32)')
  expect(stderr).toMatch(/next: .+/)
  expect((await db.up(['--seed', 'demo'])).exitCode).toBe(0)
  await expectOnce(db)
})

const crashes = ['fast', 'immediate'] as const

test.for(crashes)(
  'a server restarted (%s) in the middle of a migration: exit 0, once',
  { timeout: 60_000 },
  async (mode) => {
    await withPostgres({}, async (server) => {
      await withDatabase(server.url, async (db) => {
        const slow = { ...files, '002_more.sql': 'insert into ledger values (2); select pg_sleep(1)' }
        db.files(slow)
        db.seeds(seeds)
        const running = db.spawn(['up', '--seed', 'demo'])
        await until(async () => {
          return (await db.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length === 1
        }, 'it sleeps')

        await server.restart(mode)

        const { exitCode, stderr, applied, seeded } = await running.ended
        expect(exitCode, stderr).toBe(0)
        expect(applied).toEqual(['001_ledger', '002_more'])
        expect(seeded).toEqual(['010_seed.sql'])
        const witness = await db.connect()
        const { rows } = await witness.query('select name from ledger order by name')
        expect(rows).toEqual([{ name: '1' }, { name: '2' }, { name: 'seed' }])
      })
    })
  },
)
