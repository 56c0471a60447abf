// A file outside a transaction that goes on in a new session finds it as its earlier statements had left it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

const marker = '-- upfront:no-transaction\n'
const tables = { '001_a.sql': 'create schema tenant; create table tenant.a (id int); create table public.a (id int)' }

const indexes = async (db: Database) =>
  (
    await db.query<{ name: string }>(
      `select schemaname || '.' || indexname as name from pg_indexes where tablename = 'a' order by 1`,
    )
  ).map(({ name }) => name)

test.for([
  ['SET', 'set search_path = tenant'],
  ['set_config', `select pg_catalog.set_config('search_path', 'tenant', false)`],
  ['a SET in a block', 'begin; set search_path = tenant; commit'],
])('a search_path set by %s holds for what a later start builds', async ([, set], { db }) => {
  const file = (third: string) =>
    `${marker}${set};\ncreate index concurrently a1 on a (id);\n${third};\ncreate index concurrently a2 on a (id);`
  db.files({ ...tables, '002_b.sql': file('select 1 / 0') })
  expect((await db.up()).exitCode).toBe(23)
  db.files({ ...tables, '002_b.sql': file('select 1') })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await indexes(db)).toEqual(['tenant.a1', 'tenant.a2'])
})

test('a role and a prepared statement are there again', async ({ db }) => {
  const { user } = await db.role('nologin')
  await db.query(`grant all on schema public to ${user}`)
  const file = (third: string) =>
    `${marker}set role ${user};\nprepare p as select 1;\ncreate table b (id int);\n${third};\nexecute p;\ncreate table c (id int);`
  db.files({ '001_b.sql': file('select 1 / 0') })
  expect((await db.up()).exitCode).toBe(23)
  db.files({ '001_b.sql': file('select 1') })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.query(`select distinct tableowner from pg_tables where schemaname = 'public'`)).toEqual([
    { tableowner: user },
  ])
})

test('also when the connection is lost and one run goes on', async ({ db }) => {
  db.files({
    ...tables,
    '002_b.sql': `${marker}set search_path = tenant;\nselect pg_sleep(1.5);\ncreate index concurrently a1 on a (id);`,
  })
  const running = db.up()
  await until(async () => {
    const rows = await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where wait_event = 'PgSleep' and datname = current_database()`)
    return rows.length > 0
  }, 'it sleeps')
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('disconnected')
  expect(await indexes(db)).toEqual(['tenant.a1'])
})

test('a session that cannot be as it was is 23 with the commands, and nothing is built elsewhere', async ({ db }) => {
  const { user } = await db.role('nologin')
  await db.query(`grant all on schema public to ${user}`)
  const file = (third: string) => `${marker}set role ${user};\nselect 1;\n${third};\ncreate table c (id int);`
  db.files({ '001_b.sql': file('select 1 / 0') })
  await db.up()
  await db.query(`revoke all on schema public from ${user}; drop role ${user}`)
  db.files({ '001_b.sql': file('select 1') })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('cannot go on: the session is not as its earlier statements had made it')
  expect(stderr).toContain('001_b.sql:2:1')
  expect(stderr).toContain('upfront repair --done 001_b')
  expect(await db.tables()).toEqual([])
})

test('a bundle of an earlier compiler goes on safely too', async ({ db }) => {
  const file = (third: string) =>
    `${marker}set search_path = tenant;\n${third};\ncreate index concurrently a1 on a (id);`
  const bundle = async (third: string) => {
    db.files({ ...tables, '002_b.sql': file(third) })
    const out = join(db.dir, 'out')
    await db.run(['compile', '--out', out])
    const manifest = join(out, 'migrations/manifest.json')
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(/,"session":\[(\[[^\]]*\],?)*\]/g, ''))
    expect(readFileSync(manifest, 'utf8')).not.toContain('"session"')
    return db.up([], { UPFRONT_MIGRATIONS_DIR: join(out, 'migrations') })
  }
  expect((await bundle('select 1 / 0')).exitCode).toBe(23)
  const { exitCode, stderr } = await bundle('select 1')
  expect(exitCode, stderr).toBe(0)
  expect(await indexes(db)).toEqual(['tenant.a1'])
})

test('a client_encoding that the file sets is not for what is sent: text and progress stay what they are', async ({
  db,
}) => {
  const name = '001_größe'
  const file = (third: string) =>
    `${marker}set client_encoding = 'LATIN1';\ncreate table a (name text default 'größe');\n${third};\ninsert into a values ('groß');`
  db.files({ [`${name}.sql`]: file('select 1 / 0') })
  const first = await db.up()
  expect(first.exitCode, first.stderr).toBe(23)
  expect(first.stderr).toContain('after 2 of 4 statements')

  db.files({ [`${name}.sql`]: file('create index concurrently on a (name)') })
  const second = await db.up()
  expect(second.exitCode, second.stderr).toBe(0)
  expect(await db.history()).toEqual([`migration ${name} applied`])
  await db.query('insert into a default values')
  expect(await db.query('select name from a')).toEqual([{ name: 'groß' }, { name: 'größe' }])
})
