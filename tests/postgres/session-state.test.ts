import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const long = 'a'.repeat(70)

/** Runs a migration and one after it that shows the state of the session it found. */
async function stateAfter(db: Database, sql: string) {
  const names = [
    'role',
    'session_authorization',
    'search_path',
    'statement_timeout',
    'lock_timeout',
    'default_transaction_read_only',
    'client_encoding',
    'row_security',
    'client_min_messages',
    'standard_conforming_strings',
  ]
  const columns = [
    ...names.map((name) => `current_setting('${name}') as ${name}`),
    // Which migration it is stands at its end.
    `regexp_replace(current_setting('application_name'), ' \\d+_\\w+$', '') as application_name`,
  ]
  const show = `select ${columns.join(', ')}, current_user::text as "user", to_regclass('pg_temp.t') is not null as temp`
  db.files({
    '001_before.sql': `create table public.before as ${show}`,
    '002_sets.sql': sql,
    '003_after.sql': `create table after as ${show}`,
  })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['001_before', '002_sets', '003_after'])
  const [before] = await db.query('select * from public.before')
  const [after] = await db.query('select * from public.after')
  return { before, after }
}

const settings = [
  `set search_path = ''`,
  `select set_config('search_path', '', false)`,
  `set role pg_monitor`,
  `set local role pg_monitor`,
  `set session authorization pg_monitor`,
  `set statement_timeout = '1ms'`,
  `set lock_timeout = '1ms'`,
  `set default_transaction_read_only = on`,
  `set client_encoding = 'latin1'`,
  `set row_security = on`,
  `set application_name = 'somebody else'`,
  `set client_min_messages = error`,
  `set standard_conforming_strings = off`,
  `create temporary table t (id int)`,
  `set transaction_isolation = 'read committed'`,
  `prepare p as select 1; declare c cursor with hold for select 1; listen x`,
]

test.for(settings)('the migration after one that does "%s" is not affected', async (sql, { db }) => {
  const { before, after } = await stateAfter(db, sql)
  expect(after).toEqual(before)
})

test('what a migration did under another role is recorded as well as any', async ({ db }) => {
  await db.query('grant create on schema public to pg_monitor')
  db.files({ '001_role.sql': 'set role pg_monitor; create table owned (id int)' })
  expect((await db.up()).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 001_role applied'])
  expect(await db.query(`select tableowner from pg_tables where tablename = 'owned'`)).toEqual([
    { tableowner: 'pg_monitor' },
  ])
})

test('a time-out that a role has does not end a migration that we did not bound', async ({ db }) => {
  const { user, password } = await db.role()
  await db.query(`grant create on database ${db.name} to ${user}`)
  await db.query(
    `alter role ${user} set statement_timeout = '50ms'; alter role ${user} set idle_in_transaction_session_timeout = '50ms'`,
  )
  db.files({ '001_slow.sql': 'select pg_sleep(0.2)' })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })
  expect(exitCode, stderr).toBe(0)
})

const truncated = [
  `create table ${long} (id int)`,
  `create table t (id int, ${long} int)`,
  `create table t (id int); create index if not exists ${long} on t (id)`,
  `create table t (id int); comment on table t is 'x'; alter table t rename to "${'é'.repeat(40)}"`,
]

test.for(truncated)('a name of over 63 bytes: exit 20, nothing is contacted: %s', async (sql, { db }) => {
  db.files({ '001_first.sql': 'create table first (id int)', '002_long.sql': `\n${sql}` })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toContain('002_long.sql:2:')
  expect(await db.history()).toBeNull()
})

test.for(truncated)(
  'a name of over 63 bytes that only shows at run time: exit 22, nothing left: %s',
  async (sql, { db }) => {
    const body = `do $do$ begin ${sql
      .split(';')
      .map((one) => `execute $e$${one}$e$;`)
      .join(' ')} end $do$`
    db.files({ '001_first.sql': 'create table first (id int)', '002_long.sql': `\n${body}` })
    const { exitCode, stderr, applied } = await db.up()
    expect(exitCode).toBe(22)
    expect(applied).toEqual(['001_first'])
    expect(stderr).toContain('42622')
    expect(stderr).toContain('002_long.sql:2:')
    expect(stderr).toContain('at most 63 bytes')
    expect(await db.tables()).toEqual(['public.first'])
    expect(await db.history()).toEqual(['migration 001_first applied'])
  },
)

test('a name of over 63 bytes is found even where notices are turned off', async ({ db }) => {
  await db.query(`alter database ${db.name} set client_min_messages = warning`)
  db.files({ '001_long.sql': `do $$ begin execute 'create table ${long} (id int)'; end $$` })
  const { exitCode } = await db.up()
  expect(exitCode).toBe(22)
  expect(await db.tables()).toEqual([])
})

const enders: readonly [string, string][] = [
  ['commit and begin', 'create table half (id int);\ncommit; begin;\ncreate table rest (id int);'],
  ['commit', 'create table half (id int);\ncommit;\ncreate table rest (id int);'],
  ['commit and chain', 'create table half (id int);\ncommit and chain;\ncreate table rest (id int);'],
]

test.for(enders)(
  'a migration that ends our transaction (%s): exit 23, and it is not called applied',
  async ([, sql], { db }) => {
    db.files({
      '001_first.sql': 'create table first (id int)',
      '002_ends.sql': sql,
      '003_last.sql': 'create table last (id int)',
    })

    const { exitCode, stderr, applied } = await db.up()

    // 20 once the compiler refuses it; then the database is not touched.
    expect([20, 23], stderr).toContain(exitCode)
    expect(stderr).toContain('002_ends')
    expect(stderr).toMatch(/commit/i)
    expect(stderr).not.toContain('nothing of it remains')
    expect(applied).toEqual(exitCode === 23 ? ['001_first'] : [])
    expect(await db.tables()).not.toContain('public.last')
    expect((await db.history()) ?? []).not.toContain('migration 002_ends applied')

    // Starting again must not take the half for the whole.
    const again = await db.up()
    expect([20, 21, 23], again.stderr).toContain(again.exitCode)
    expect(await db.tables()).not.toContain('public.last')
  },
)

test('a migration that ends our transaction is not run again and again by every restart', async ({ db }) => {
  db.files({
    '001_ledger.sql': 'create table ledger (n int)',
    '002_ends.sql': 'insert into ledger values (1); commit; begin; insert into ledger values (2)',
  })
  for (const _ of [1, 2, 3]) expect([20, 21, 23]).toContain((await db.up()).exitCode)
  expect((await db.tables()).length === 0 || (await db.query('select n from ledger')).length <= 1).toBe(true)
})

test.for(['rollback', 'rollback; begin', 'abort'])(
  'a migration that throws our transaction away (%s) is not called applied',
  async (sql, { db }) => {
    db.files({
      '001_first.sql': 'create table first (id int)',
      '002_ends.sql': `create table lost (id int); ${sql}; create table rest (id int)`,
    })
    const { exitCode, stderr } = await db.up()
    expect([20, 23], stderr).toContain(exitCode)
    expect((await db.history()) ?? []).not.toContain('migration 002_ends applied')
    expect((await db.up()).exitCode).not.toBe(0)
  },
)

test('savepoints, and rolling back to them, are a migration’s own business', async ({ db }) => {
  db.files({
    '001_save.sql': 'create table kept (id int); savepoint s; create table gone (id int); rollback to s; release s',
  })
  expect((await db.up()).exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.kept'])
  expect(await db.history()).toEqual(['migration 001_save applied'])
})

const thieves = ['select pg_advisory_unlock_all()', 'discard all']

test.for(thieves)('a migration that gives our lock away (%s) does not go unnoticed', async (sql, { db }) => {
  db.files({ '001_a.sql': 'create table a (id int)', '002_thief.sql': sql, '003_b.sql': 'create table b (id int)' })
  const { exitCode, stderr } = await db.up()
  if (exitCode === 0) expect(stderr).toContain('the advisory lock was gone')
  else expect([20, 22, 32]).toContain(exitCode)
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('a migration that ends its own session: not applied, never success', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)', '002_kill.sql': 'select pg_terminate_backend(pg_backend_pid())' })
  const { exitCode, stderr } = await db.up()
  expect([22, 32], stderr).toContain(exitCode)
  expect(await db.history()).toEqual(['migration 001_a applied'])
})

test('a deallocate all is no concern of the modules around it, which prepare by name', async ({ db }) => {
  const module = (table: string) => `export async function up(client) {
    for (const note of ['a', 'b']) await client.query({ name: 'insert', text: 'insert into ${table} values ($1)', values: [note] })
  }`
  db.files({
    '001_tables.sql': 'create table one (note text); create table two (note text)',
    '002_one.js': module('one'),
    '003_all.sql': 'prepare mine as select 1; execute mine; deallocate all',
    '004_outside.sql': '-- upfront:no-transaction\ndeallocate all; create index concurrently on one (note)',
    '005_two.js': module('two'),
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select note from one union all select note from two')).toHaveLength(4)
})

test('a file in an encoding of its own is recorded under its name, whatever letters that has', async ({ db }) => {
  const filler = `insert into a values ('${'x'.repeat(900)}');\n`.repeat(1_300)
  db.files({
    "001_gr\u00f6\u00dfe'\u{1f600}.sql": `create table a (t text);\nset client_encoding = 'LATIN1';\ncopy a from stdin;\nb\n\\.\nselect 1`,
    '002_\u5927.sql': `set client_encoding = 'LATIN1';\n${filler}`,
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  const names = ["001_gr\u00f6\u00dfe'\u{1f600}", '002_\u5927']
  expect(await db.history()).toEqual(names.map((name) => `migration ${name} applied`))
})
