// What is allowed at compile time has to pass when it runs, and nothing else.
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/database.ts'

const long = `made_by_a_generator_${'n'.repeat(50)}`
const cut = long.slice(0, 63)
const table = `create table ${long} (id bigint);\n`
const dynamic = `do $$ begin execute 'create table ${long}_x (id bigint)'; end $$;\n`
const rows = `insert into big values (1, '${'x'.repeat(1000)}');\n`.repeat(1_100)

test('an allowed long name is cut as under psql, with a warning, and the next file is refused still', async ({
  db,
}) => {
  const files = {
    '1_a.sql': `-- upfront:allow long-name old\n${table}`,
    '2_b.sql': 'create table b (id bigint);',
    '3_c.sql': 'create table c (id bigint);',
  }
  db.files(files)
  const { exitCode, events } = await db.upJson()
  expect(exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.b', 'public.c', `public.${cut}`])
  const warnings = events.filter(({ event, message }) => event === 'warning' && /truncated/.test(String(message)))
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!['message']).toContain('1_a: identifier')
  db.files({ ...files, '4_d.sql': table.replace('table', 'table if not exists') })
  expect((await db.up()).exitCode).toBe(20)
})

test('the permission reaches a mounted folder, a bundle, a large file, a module, a seed and a file outside transactions', async ({
  db,
}) => {
  const files = {
    '1_a.sql': table,
    '2_large.sql': `create table big (id bigint, t text);\n${rows}create index large_${long} on big (id);\n`,
    '3_module.ts': `export const up = async (client: any) => { await client.query('create table ${long.replace('made', 'mode')} (id int)') }\n`,
    '4_outside.sql': `-- upfront:no-transaction\ncreate index concurrently out_${long} on big (t);\nselect 1;\n`,
    'upfront.allow': `long-name 1_a old\nlong-name 2_large old\nlong-name 3_module old\nlong-name 4_outside old\n`,
  }
  db.files(files)
  db.seeds({ '1_s.sql': `select 1 as ${long};\n`, 'upfront.allow': 'long-name 1_s.sql old\n' })
  const bundle = join(db.dir, 'bundle')
  expect((await db.run(['compile', '--out', bundle])).exitCode).toBe(0)
  const compiled = { UPFRONT_MIGRATIONS_DIR: `${bundle}/migrations`, UPFRONT_SEEDS_DIR: `${bundle}/seeds` }
  for (const env of [{}, compiled]) {
    await db.query('drop schema if exists public, upfront cascade; create schema public')
    const { exitCode, applied, seeded, stderr } = await db.up(['--seed', 'any'], env)
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('which is allowed there')])
    expect([applied, seeded]).toEqual([['1_a', '2_large', '3_module', '4_outside'], ['1_s.sql']])
  }
})

test('a name that only the server sees is refused when it runs, in the words that allow it', async ({ db }) => {
  db.files({ '1_a.sql': dynamic })
  const refused = await db.up()
  expect(refused.exitCode).toBe(22)
  expect(refused.stderr).toContain('the line "long-name 1_a <why>" in upfront.allow beside it')
  expect(await db.tables()).toEqual([])
  db.files({ '1_a.sql': dynamic, 'upfront.allow': 'long-name 1_a <why>\n' })
  expect((await db.up()).exitCode).toBe(0)
})

test('a down takes its permission along into the history, for a bundle that does not have the file', async ({ db }) => {
  const down = `drop table ${long};`
  db.files({
    '1_a.sql': 'select 1;\n',
    '2_b.sql': `${table}-- upfront:down\n${down}`,
    'upfront.allow': 'long-name 2_b old\n',
  })
  const env = { UPFRONT_ENV: 'development' }
  expect((await db.up([], env)).exitCode).toBe(0)
  db.files({ '1_a.sql': 'select 1;\n' })
  const { exitCode, stderr } = await db.run(['down'], env)
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining('which is allowed there')])
  expect(await db.tables()).toEqual([])
})

test('what is allowed of an enum value or a body is for the server to decide, and nothing remains when it refuses', async ({
  db,
}) => {
  db.files({
    '1_a.sql': `create type mood as enum ('a');`,
    '2_b.sql': `-- upfront:allow enum-value we know better\nalter type mood add value 'x';\nselect 'x'::mood;\n`,
  })
  const { exitCode, stderr, applied } = await db.up()
  expect([exitCode, applied]).toEqual([22, ['1_a']])
  expect(stderr).toContain('55P04')
  db.files({
    '1_a.sql': `create type mood as enum ('a');`,
    '2_b.sql': `-- upfront:allow function-body we know better\ncreate function f() returns int language plpgsql as $$ begin retrn 1; end $$;\n`,
  })
  expect((await db.up()).exitCode).toBe(22)
  expect(await db.history()).toEqual(['migration 1_a applied'])
})
