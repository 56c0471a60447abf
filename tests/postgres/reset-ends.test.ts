// How a reset ends that does not go through, and what it makes of other tools' histories.
import { join } from 'node:path'
import { describe, expect, inject } from 'vitest'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { type Database, type Files, test, until, withDatabase } from '../support/database.ts'
import { interruption } from '../support/run.ts'

/** Tests of other files have locks on the same server. */
const here = '(select oid from pg_database where datname = current_database())'

const development = { UPFRONT_ENV: 'development' }
const files: Files = {
  '1_a.sql': 'create table a (id int primary key)',
  '2_b.sql': 'create table b (id int references a)',
}

async function compile(db: Database, some: Files, env = {}) {
  db.files(some)
  const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle'], { ...shadow, ...env })
  expect(exitCode, stderr).toBe(0)
  return { ...development, UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
}

async function applied(db: Database, some = files) {
  const env = await compile(db, some)
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  await db.query('insert into a values (1)')
  return env
}

/** Somebody who reads our table keeps the reset waiting inside of its transaction. */
async function openReader(db: Database) {
  const reader = await db.connect()
  await reader.query('begin; select from b')
  const isWaiting = async () => {
    const rows = await db.query(
      `select from pg_locks where not granted and database = ${here} and mode = 'AccessExclusiveLock'`,
    )
    return rows.length > 0
  }
  return { end: () => reader.query('rollback'), isWaitedFor: () => until(isWaiting, 'the reset waits for the reader') }
}

test('interrupted while it waits, it has changed nothing', async ({ db }) => {
  const env = await applied(db)
  const reader = await openReader(db)
  const abort = new AbortController()
  const running = db.run(['reset'], env, abort.signal)
  await reader.isWaitedFor()
  abort.abort(interruption('SIGTERM'))
  const { exitCode, stderr } = await running
  await reader.end()
  expect(exitCode, stderr).toBe(143)
  expect(await db.query('select id from a')).toEqual([{ id: 1 }])
  expect(await db.history()).toEqual(['migration 1_a applied', 'migration 2_b applied'])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('a connection that is lost while it drops is opened again, and the rest done', async ({ db }) => {
  const env = await applied(db)
  const reader = await openReader(db)
  const running = db.run(['reset'], env)
  await reader.isWaitedFor()
  await db.query(
    `select pg_terminate_backend(pid) from pg_locks where not granted and database = ${here} and mode = 'AccessExclusiveLock'`,
  )
  await reader.end()
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('disconnected')
  expect(await db.query('select id from a')).toEqual([])
  expect(await db.history()).toEqual(['migration 1_a applied', 'migration 2_b applied'])
})

test('a connection that is lost behind the drop does not drop again', async ({ db }) => {
  const slow = { ...files, '2_b.sql': 'select pg_sleep(1); create table b (id int references a)' }
  const env = await applied(db, slow)
  const running = db.run(['reset'], env)
  const isAtWork = async () => (await db.query(`select from pg_stat_activity where query ~ 'pg_sleep.1' and pid <> pg_backend_pid() and datname = current_database()`)).length > 0 // prettier-ignore
  await until(isAtWork, 'the second migration runs')
  await db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'pg_sleep.1' and pid <> pg_backend_pid() and datname = current_database()`,
  )
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(0)
  expect(stderr.match(/^reset /gm)).toHaveLength(1)
  expect(await db.query(`select count(*)::int as n from upfront.runs where command = 'reset'`)).toEqual([{ n: 1 }])
  expect(await db.history()).toEqual(['migration 1_a applied', 'migration 2_b applied'])
})

test('a view that somebody makes while it waits for locks is found then, and not taken along', async ({ db }) => {
  const env = await applied(db)
  await db.query(`alter database ${db.name} set default_transaction_isolation = 'repeatable read'`)
  const other = await db.connect()
  await other.query('begin; create view theirs as select id from b')
  const running = db.run(['reset'], env)
  await until(
    async () => (await db.query(`select from pg_locks where not granted and database = ${here}`)).length > 0,
    'the reset waits',
  )
  await other.query('commit')
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(28)
  expect(stderr).toContain('- view public.theirs')
  expect(await db.query('select id from a')).toEqual([{ id: 1 }])
  expect(await db.query('select id from theirs')).toEqual([])
})

/** Fails once somebody wants it to. */
const stops = `do $$ begin if to_regclass('outside.stop') is not null then raise exception 'stopped'; end if; end $$`
const stopNow = 'create schema outside; create table outside.stop ()'

test('a migration that fails behind the drop: the next up goes on there', async ({ db }) => {
  const env = await applied(db, { ...files, '2_b.sql': `create table b (id int references a); ${stops}` })
  await db.query(stopNow)
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(22)
  expect(stderr).toContain('2_b.sql:1')
  expect(await db.history()).toEqual(['migration 1_a applied'])
  await db.query('drop table outside.stop')
  expect((await db.up([], env)).applied).toEqual(['2_b'])
})

test(
  'more than the server has locks for is said with the way out, and nothing is changed',
  { timeout: 120_000 },
  async () => {
    // A server of its own, because its locks are those of all who are connected.
    const settings = { max_locks_per_transaction: '10', max_connections: '10', max_prepared_transactions: '0' }
    const majorDir = process.env['TEST_POSTGRES_DIR']
    await using server = await startPostgres({ settings, ...(majorDir ? { majorDir } : {}) })
    await withDatabase(server.url, async (db) => {
      const columns = 'a text unique, b text unique, c int unique, d int unique, e int unique'
      const make = (from: number) =>
        Array.from({ length: 20 }, (_, i) => `create table t${from + i} (${columns});`).join('\n')
      db.files(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i + 1}_t.sql`, make(i * 20)])))
      const env = { ...development, UPFRONT_SHADOW_DATABASE_URL: server.url }
      expect((await db.up([], env)).exitCode).toBe(0)
      const { exitCode, stderr } = await db.run(['reset'], env)
      expect(exitCode, stderr).toBe(22)
      expect(stderr).toContain('raise max_locks_per_transaction')
      expect(stderr).toContain('nothing was changed')
      expect(await db.history()).toHaveLength(40)
      expect(await db.tables()).toHaveLength(800)
    })
  },
)

describe('in the folder of another tool', () => {
  const folder = {
    '20240101000000_a.sql': '-- migrate:up\ncreate table a (id int);\n\n-- migrate:down\ndrop table a;\n',
    '20240102000000_b.sql': '-- migrate:up\ncreate table b (id int);\n\n-- migrate:down\ndrop table b;\n',
  }

  test('what its history says counts no more, and all runs again', async ({ db }) => {
    const env = await compile(db, folder)
    await db.query(`create table schema_migrations (version varchar primary key);
      insert into schema_migrations values ('20240101000000'), ('20240102000000');
      create table a (id int); create table b (id int); insert into a values (1)`)
    const refused = await db.run(['reset'], env)
    expect(refused.exitCode, refused.stderr).toBe(28)
    const { exitCode, stderr, applied: again } = await db.run(['reset', '--yes-destroy', db.name], env)
    expect(exitCode, stderr).toBe(0)
    expect(again).toEqual(['20240101000000_a', '20240102000000_b'])
    expect(await db.query('select id from a')).toEqual([])
    expect(await db.query('select version from schema_migrations')).toHaveLength(2)
    expect((await db.up([], env)).stderr).toContain('up to date')
  })

  test('nor does it when one of them fails then: nothing is taken for applied that is not there', async ({ db }) => {
    const broken = {
      ...folder,
      '20240102000000_b.sql': `-- migrate:up\ncreate table b (id int); ${stops};\n\n-- migrate:down\ndrop table b;\n`,
    }
    const env = await compile(db, broken)
    await db.query(`create table schema_migrations (version varchar primary key);
      insert into schema_migrations values ('20240101000000'), ('20240102000000'); ${stopNow};
      create table a (id int); create table b (id int)`)
    expect((await db.run(['reset', '--yes-destroy', db.name], env)).exitCode).toBe(22)
    await db.query('drop table outside.stop')
    expect((await db.up([], env)).applied).toEqual(['20240102000000_b'])
  })

  test('with write-back its rows are those of what has run since', async ({ db }) => {
    const env = { ...(await compile(db, folder)), UPFRONT_WRITE_BACK: 'true' }
    await db.up([], env)
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select version from schema_migrations order by 1')).toEqual([
      { version: '20240101000000' },
      { version: '20240102000000' },
    ])
  })
})
