// What an attack on folders and histories of other tools found, each as what must be true.
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const gm = (n: number, table: string) => ({
  [`${n}_${table}.up.sql`]: `create table ${table} (id int);\n`,
  [`${n}_${table}.down.sql`]: `drop table ${table};\n`,
})
const golang = (db: Database, schema: string, version: number) =>
  db.query(`create schema if not exists ${schema}; create table ${schema}.schema_migrations (version bigint primary key,
    dirty boolean not null); insert into ${schema}.schema_migrations values (${version}, false)`)

test('the table of another program in another schema is nobody’s history here, and is not written to', async ({
  db,
}) => {
  await golang(db, 'public', 2)
  await db.query('create schema b')
  db.files({ ...gm(1, 'users'), ...gm(2, 'orders'), ...gm(3, 'tags') })
  const env = { UPFRONT_DATABASE_URL: `${db.url}?options=-csearch_path%3Db`, UPFRONT_WRITE_BACK: 'true' }
  const { exitCode, stderr, applied } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['1_users', '2_orders', '3_tags'])
  expect(await db.query('select version from public.schema_migrations')).toEqual([{ version: '2' }])
  expect(await db.query('select version from b.schema_migrations')).toEqual([{ version: '3' }])
})

describe('a file of ours in which another tool begins the way back is refused, wherever the line is', () => {
  test.for([
    ['tern', '---- create above / drop below ----'],
    ['dbmate', '-- migrate:down'],
    ['goose', '-- +goose Down'],
    ['sql-migrate', '-- +migrate Down'],
    ['node-pg-migrate', '-- Down Migration'],
  ] as const)('%s', async ([format, line], { db }) => {
    const filler = `-- ${'x'.repeat(100)}\n`
    const text = (fill: number) => `create table t (id int);\n${filler.repeat(fill)}${line}\ndrop table t;\n`
    for (const fill of [200, 12_000]) {
      db.files({ '001_t.sql': text(fill) })
      const { exitCode, stderr } = await db.up([], { UPFRONT_FORMAT: 'plain' })
      expect(exitCode, stderr).toBe(20)
      expect(stderr).toContain(`001_t.sql:${fill + 2}:1`)
      expect(stderr).toContain(`UPFRONT_FORMAT=${format}`)
      expect(await db.tables()).toEqual([])
    }
  })
})

test('a folder with modules or repeatable ones is ours, whatever its SQL files are called', async ({ db }) => {
  db.files({
    ...gm(1, 'users'),
    '2_mod.ts': `export const up = (client: { query(sql: string): Promise<unknown> }) => client.query('create table by_module (id int)')`,
    'repeatable/v.sql': 'create or replace view v as select id from users',
  })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['1_users', '2_mod', 'repeatable/v'])
})

test('what stopped half way with us and was settled with the tool is adopted', async ({ db }) => {
  db.files({
    ...gm(1, 'a'),
    '2_b.up.sql': 'create table b (id int);\nBEGIN;\nselect 1 / 0;\nCOMMIT;\n',
    '2_b.down.sql': '',
  })
  expect((await db.up()).exitCode).toBe(23)
  await golang(db, 'public', 2)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.history()).toEqual(['migration 1_a applied', 'migration 2_b adopted'])
})

test('a large file of another tool runs as a small one does, also when it ends its transaction', async ({ db }) => {
  const filler = `insert into a values (1); -- ${'x'.repeat(200)}\n`.repeat(6_000)
  const text = `create table a (id int);\n${filler}BEGIN;\ncreate table b (id int);\nCOMMIT;\ncreate index concurrently a_id on a (id);\n`
  expect(text.length).toBeGreaterThan(1 << 20)
  db.files({ '1_a.up.sql': text, '1_a.down.sql': 'drop table a, b;\n' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect((await db.tables()).sort()).toEqual(['public.a', 'public.b'])
})

test('a name with a folder in it is a name for --to', async ({ db }) => {
  db.files({ 'a/V1__x.sql': 'create table x (id int);\n', 'a/V2__y.sql': 'create table y (id int);\n', 'a/U2__y.sql': 'drop table y;\n' }) // prettier-ignore
  const env = { UPFRONT_ENV: 'development' }
  expect((await db.up(['--to', 'a/V1__x'], env)).applied).toEqual(['a/V1__x'])
  expect((await db.up([], env)).applied).toEqual(['a/V2__y'])
  const down = await db.run(['down', '--to', 'a/V1__x'], env)
  expect(down.exitCode, down.stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.x'])
})

test('a repeatable one whose placeholder has another value runs again', async ({ db }) => {
  db.files({
    'V1__t.sql': 'create table t (id int);\n',
    'R__v.sql': "create or replace view v as select '${color}' as color;\n",
  })
  const color = (value: string) => db.up([], { UPFRONT_PLACEHOLDER_color: value })
  expect((await color('red')).exitCode).toBe(0)
  expect((await color('blue')).applied).toEqual(['R__v'])
  expect(await db.query('select color from v')).toEqual([{ color: 'blue' }])
})

test('a history that the role may not read is 24 in words about that history, and nothing has run', async ({ db }) => {
  await golang(db, 'public', 1)
  const { user, password } = await db.role()
  await db.query(`grant create on schema public to ${user}; alter database ${db.name} owner to ${user}`)
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  for (const files of [{ '001_users.sql': 'create table users (id int)' }, gm(1, 'users')]) {
    db.files(files)
    const { exitCode, stderr } = await db.up([], env)
    expect(exitCode, stderr).toBe(24)
    expect(stderr).toContain('may not read the history of golang-migrate')
    expect(stderr).toContain('UPFRONT_FORMAT=plain')
  }
  expect(await db.tables()).toEqual(['public.schema_migrations'])
})

test('a row that failed and has no file stops the run, as it stops the tool', async ({ db }) => {
  db.files({ 'migration_lock.toml': 'provider = "postgresql"\n', '1_a/migration.sql': 'create table a (id int);\n' })
  await db.query(`create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null,
    finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0);
    insert into _prisma_migrations (id, checksum, migration_name) values ('1', 'x', '0_gone')`)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('0_gone')
})

test('links that lead back into the folder end nothing', async ({ db }) => {
  const { symlinkSync, mkdirSync, writeFileSync } = await import('node:fs')
  mkdirSync(join(db.migrationsDir, 'a'), { recursive: true })
  writeFileSync(join(db.migrationsDir, 'a/V1__x.sql'), 'create table x (id int);\n')
  for (const name of ['one', 'two']) symlinkSync(db.migrationsDir, join(db.migrationsDir, name))
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
})

test('write-back beside a table of another shape, or without the right to make one: told as what it is', async ({
  db,
}) => {
  db.files(gm(1, 'users'))
  await db.query('create table schema_migrations (something text)')
  const other = await db.up([], { UPFRONT_WRITE_BACK: 'true' })
  expect(other.exitCode, other.stderr).toBe(2)
  expect(other.stderr).toContain('is not as golang-migrate makes it')
})
