// A connection that is lost at every message of a run that takes over another tool's history and writes into it.
import { createHash } from 'node:crypto'
import { expect, inject } from 'vitest'
import { type Database, test, withDatabase } from '../support/database.ts'
import { type Fate, startProxy } from '../support/proxy.ts'

const sql = (table: string) => `create table ${table} (id int primary key);\n`
const tables = ['a', 'b', 'c', 'd']
const files = {
  'migration_lock.toml': 'provider = "postgresql"\n',
  ...Object.fromEntries(tables.map((table, i) => [`${i + 1}_${table}/migration.sql`, sql(table)])),
}
const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** Prisma has applied the first two. */
async function halfWay(db: Database): Promise<void> {
  db.files(files)
  await db.query(`create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null,
    finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0);
    ${['1_a', '2_b']
      .map(
        (name, i) => `insert into _prisma_migrations (id, checksum, finished_at, migration_name)
      values ('${i}', '${hash(sql(tables[i]!))}', now(), '${name}'); ${sql(tables[i]!)}`,
      )
      .join('\n')}`)
}

const env = { UPFRONT_WRITE_BACK: 'true' }

/** Everything is there once, in our history and in prisma's, and the next run finds nothing to do. */
async function expectWhole(db: Database, at: string): Promise<void> {
  const history = ['1_a adopted', '2_b adopted', '3_c applied', '4_d applied'].map((row) => `migration ${row}`)
  expect(await db.history(), at).toEqual(history)
  const rows = await db.query<{ name: string }>('select migration_name as name from _prisma_migrations order by 1')
  expect(
    rows.map(({ name }) => name),
    at,
  ).toEqual(['1_a', '2_b', '3_c', '4_d'])
  expect((await db.tables()).filter((name) => !name.includes('prisma')).sort(), at).toEqual(
    tables.map((one) => `public.${one}`),
  )
  expect((await db.up([], env)).stderr, at).toContain('up to date')
  expect(await db.leftovers(), at).toEqual({ sessions: 0, locks: 0 })
}

/** Of how many messages one has its turn for each fault; the three of them together have all. */
const every = 3
const fates: readonly Fate[] = ['drop request', 'drop reply', 'reset']

test.for(fates.map((fate, first) => [fate, first] as const))(
  '%s, at every message: adopted once, applied once',
  { timeout: 120_000 },
  async ([fate, first]) => {
    const url = inject('postgresUrl')
    let messages = 0
    await withDatabase(url, async (db) => {
      await halfWay(db)
      await using proxy = await startProxy(Number(new URL(url).port))
      expect((await db.up([], { ...env, UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })).exitCode).toBe(0)
      messages = proxy.messages.filter(({ connection }) => connection === 1).length
      await expectWhole(db, 'without a fault')
    })
    expect(messages).toBeGreaterThan(15)
    const places = Array.from({ length: messages }, (_, i) => i + 1)
      .filter((place) => place % every === first)
      .values()
    const worker = async () => {
      for (const place of places) await withDatabase(url, (db) => strike(db, fate, place))
    }
    await Promise.all([worker(), worker(), worker(), worker()])
  },
)

async function strike(db: Database, fate: Fate, at: number): Promise<void> {
  await halfWay(db)
  let struck = false
  await using proxy = await startProxy(Number(new URL(db.url).port), ({ connection, place }) => {
    if (connection !== 1 || place !== at || struck) return 'forward'
    struck = true
    return fate
  })
  const { exitCode, stderr } = await db.up([], { ...env, UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
  expect(exitCode, `message ${at}: ${stderr}`).toBe(0)
  await expectWhole(db, `message ${at}`)
}

test('thirty at one instant on a database that prisma has half filled: all exit 0, each row once', async ({ db }) => {
  await halfWay(db)
  const all = await Promise.all(Array.from({ length: 30 }, () => db.up([], env)))
  expect(all.filter(({ exitCode }) => exitCode !== 0).map(({ stderr }) => stderr)).toEqual([])
  expect(all.flatMap(({ applied }) => applied).sort()).toEqual(['3_c', '4_d'])
  await expectWhole(db, 'after thirty')
})
