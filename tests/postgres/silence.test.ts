// A network that acknowledges and never answers: no run hangs, whatever message it begins at, and nothing is torn.
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, type Files, test, writeFolder } from '../support/database.ts'
import { type Fate, type Message, startProxy } from '../support/proxy.ts'
import { interruption, runMain } from '../support/run.ts'

/** A tenth of what it is in production. */
const patience = { silenceMs: 2_000, sameMs: 600, lookMs: 400, betweenLooksMs: 200 }
/** Until the silence is noticed, and then until the server is not waited for any more; and a machine that is busy. */
const limitMs = 15_000
/** All of the messages take minutes. */
const every = process.env['TORTURE'] === 'full' ? 1 : 4

const files: Files = {
  '001_ledger.sql': 'create table ledger (name text)',
  '002_more.sql': `insert into ledger values ('002')`,
  '003_alone.sql': `insert into ledger values ('003'); select 1`,
  '004_outside.sql': `-- upfront:no-transaction\ninsert into ledger values ('004');\ncreate index concurrently ledger_name on ledger (name)`,
  '005_module.mjs': `export async function up(client) { await client.query("insert into ledger values ('005')") }`,
  '006_last.sql': `insert into ledger values ('006'); select 1`,
}
const seeds: Files = { '010_seed.csv.sql': `insert into ledger values ('seed')` }
const all = '002,003,004,005,006,seed'

/** Each trial has a history, a lock and a ledger of its own, so that many can run at once. */
function makeTrial(db: Database, schema: string) {
  const [migrations, seedsDir] = [join(db.dir, schema, 'migrations'), join(db.dir, schema, 'seeds')]
  const ours = (text: string) => text.replaceAll(/ledger(_name)?/g, (name) => `${schema}.${name}`)
  const mine = (list: Files) =>
    Object.fromEntries(
      Object.entries(list).map(([name, text]) => [
        name,
        ours(String(text)).replace(`${schema}.ledger_name`, 'by_name'),
      ]),
    )
  writeFolder(migrations, mine(files))
  writeFolder(seedsDir, mine(seeds))
  const env = {
    ...db.env,
    UPFRONT_SCHEMA: schema,
    UPFRONT_MIGRATIONS_DIR: migrations,
    UPFRONT_SEEDS_DIR: seedsDir,
    UPFRONT_SEED: 'demo',
    UPFRONT_WAIT_TIMEOUT: '1500ms',
    UPFRONT_LOCK_TIMEOUT: '1s',
  }
  const run = async (more: Readonly<Record<string, string>> = {}, signal?: AbortSignal) => {
    const begun = performance.now()
    const world = { argv: ['up'], env: { ...env, ...more }, cwd: db.dir, patience }
    const outcome = await runMain({ ...world, ...(signal ? { signal } : {}) })
    return { ...outcome, tookMs: performance.now() - begun }
  }
  const ledger = async () => {
    const rows = await db.query<{ name: string }>(`select name from ${schema}.ledger order by name`)
    return rows.map(({ name }) => name).join()
  }
  return { run, ledger }
}

async function listMessages(db: Database): Promise<readonly Message[]> {
  await db.query('create schema counted')
  await using proxy = await startProxy(Number(new URL(db.url).port))
  const { exitCode, stderr } = await makeTrial(db, 'counted').run({ UPFRONT_DATABASE_URL: db.urlOf(proxy) })
  expect(exitCode, stderr).toBe(0)
  return proxy.messages.filter(({ type }, i) => !/^[BDEX]$/.test(type) && i % every === 0)
}

/** Runs the scenario once for each of its messages, with a silence from that message on. */
async function silenceAtEach(
  db: Database,
  begins: 'stall' | 'stall reply',
  env: Readonly<Record<string, string>>,
  after: (message: Message) => Fate,
  judge: (trial: Awaited<ReturnType<ReturnType<typeof makeTrial>['run']>>) => string | undefined,
) {
  const messages = await listMessages(db)
  expect(messages.length).toBeGreaterThan(40 / every)
  const found: unknown[] = []
  const attempt = async ({ place, type, text }: Message) => {
    const schema = `at_${place}`
    await db.query(`create schema ${schema}`)
    const trial = makeTrial(db, schema)
    let struck = false
    await using proxy = await startProxy(Number(new URL(db.url).port), (message) => {
      if (struck) return after(message)
      struck = message.connection === 1 && message.place === place
      return struck ? begins : 'forward'
    })
    const first = await trial.run({ ...env, UPFRONT_DATABASE_URL: db.urlOf(proxy) })
    await proxy.close()
    const again = await trial.run()
    const ledger = await trial.ledger()
    const wrong = judge(first) ?? (again.exitCode !== 0 ? `then ${again.exitCode}: ${again.stderr}` : undefined)
    if (wrong !== undefined || ledger !== all)
      found.push({ at: `${place} ${type} ${text.trim().slice(0, 60)}`, wrong, ledger, log: first.stderr.slice(-600) })
  }
  // So many that the machine is not what they wait for.
  const queue = [...messages]
  const worker = async () => {
    for (let message = queue.shift(); message; message = queue.shift()) await attempt(message)
  }
  await Promise.all(Array.from({ length: 24 }, worker))
  expect(found).toEqual([])
}

const fates = ['stall', 'stall reply'] as const

describe('a network that acknowledges and never answers', () => {
  test.for(fates)(
    'one connection of it, from each message on (%s): it is given up, and the next one does the rest',
    { timeout: 120_000 },
    async (fate, { db }) => {
      await silenceAtEach(
        db,
        fate,
        { UPFRONT_WAIT_TIMEOUT: '10s' },
        // The struck connection says no more; others are well.
        () => 'forward',
        ({ exitCode, tookMs }) =>
          exitCode !== 0 || tookMs > limitMs ? `exit ${exitCode} after ${tookMs} ms` : undefined,
      )
    },
  )

  test.for(fates)(
    'all of it, from each message on (%s): not ready or lost, within the bound',
    { timeout: 120_000 },
    async (fate, { db }) => {
      await silenceAtEach(
        db,
        fate,
        {},
        () => 'stall',
        ({ exitCode, stderr, tookMs }) => {
          if (tookMs > limitMs) return `${tookMs} ms`
          // A goodbye that nobody hears is still a good end.
          if (![0, 30, 32].includes(exitCode)) return `exit ${exitCode}`
          return exitCode === 30 && /^disconnected /m.test(stderr) ? 'it was connected: that is 32' : undefined
        },
      )
    },
  )
})

test('SIGTERM while nobody answers any more: over within 8 s', { timeout: 60_000 }, async ({ db }) => {
  await db.query('create schema stopped')
  const trial = makeTrial(db, 'stopped')
  const stop = new AbortController()
  let struck = false
  await using proxy = await startProxy(Number(new URL(db.url).port), ({ text }) => {
    struck ||= text.includes(`'006'`)
    return struck ? 'stall' : 'forward'
  })
  const running = trial.run({ UPFRONT_DATABASE_URL: db.urlOf(proxy), UPFRONT_WAIT_TIMEOUT: '10s' }, stop.signal)
  await expect.poll(() => struck, { timeout: 10_000 }).toBe(true)
  // In the middle of the next connection's attempts.
  await new Promise((resolve) => setTimeout(resolve, patience.silenceMs + 1_200))
  const begun = performance.now()
  stop.abort(interruption('SIGTERM'))
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(143)
  expect(performance.now() - begun).toBeLessThan(8_000)
})

test(
  'silence that comes again on every connection is one silence, and ends as one',
  { timeout: 60_000 },
  async ({ db }) => {
    await db.query('create schema again')
    const trial = makeTrial(db, 'again')
    // Each connection is let in, and answered until it has the lock.
    const silent = new Set<number>()
    await using proxy = await startProxy(Number(new URL(db.url).port), ({ connection, text }) => {
      if (text.includes('pg_try_advisory_lock')) silent.add(connection)
      return silent.has(connection) ? 'stall' : 'forward'
    })
    const { exitCode, stderr, tookMs } = await trial.run({ UPFRONT_DATABASE_URL: db.urlOf(proxy) })
    expect(exitCode, stderr).toBe(32)
    expect(stderr).toMatch(/next: ./)
    expect(tookMs).toBeLessThan(limitMs)
  },
)
