// `upfront reset`: what has a name of ours, and is not ours by the history.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject } from 'vitest'
import { type Database, type Files, test } from '../support/database.ts'

const development = { UPFRONT_ENV: 'development' }

async function compile(db: Database, some: Files, flags: readonly string[] = []) {
  db.files(some)
  fs.rmSync(join(db.dir, 'bundle'), { recursive: true, force: true })
  const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle', ...flags], shadow)
  expect(exitCode, stderr).toBe(0)
  return { ...development, UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
}

async function applied(db: Database, some: Files) {
  const env = await compile(db, some)
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  return env
}

const ours = { '1_a.sql': 'create table a (id int, n int); create index a_n on a (n)', '2_b.sql': 'create view b as select id from a' } // prettier-ignore

describe('somebody else has something of a name that the migrations need: refused (28) and named, its rows stay', () => {
  test.for([
    [
      'a table that a later one has dropped',
      { '1_u.sql': 'create table u (id int)', '2_w.sql': 'drop table u; create table w ()' },
      'create table u (id int); insert into u values (7)',
      'table public.u',
    ],
    [
      'a table that a later one has moved',
      { '1_u.sql': 'create table u (id int)', '2_u.sql': 'create schema app; alter table u set schema app' },
      'create table u (id int); insert into u values (7)',
      'table public.u',
    ],
    [
      'an index, on their table, that a later one has dropped from ours',
      { '1_u.sql': 'create table w (id int); create index i on w (id)', '2_i.sql': 'drop index i' },
      'create table u (id int); insert into u values (7); create index i on u (id)',
      'index public.i',
    ],
    [
      'an index that went with a renamed table',
      ours,
      'drop view b; alter table a rename to u; insert into u values (7)',
      'index public.a_n',
    ],
    [
      'another kind of relation',
      ours,
      'drop view b; create table b (id int); insert into b values (7); create view u as select id from b',
      'table public.b',
    ],
  ] as const)('%s', async ([, some, sql, named], { db }) => {
    const env = await applied(db, some)
    const before = await db.history()
    await db.query(sql)
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('something has a name that these migrations need')
    expect(stderr.match(/^ {2}- .*/gm)).toEqual([`  - ${named}`])
    expect(await db.query('select id from u')).toEqual([{ id: 7 }])
    expect(await db.history()).toEqual(before)
    if (named.startsWith('index'))
      expect(
        await db.query(`select indexrelid::regclass::text as i from pg_index where indrelid = 'u'::regclass`),
      ).toEqual([{ i: named.slice('index public.'.length) }])
  })

  test('a table that a pending one makes', async ({ db }) => {
    await applied(db, { '1_a.sql': 'create table a (id int)' })
    const env = await compile(db, { '1_a.sql': 'create table a (id int)', '2_c.sql': 'create table c (id int)' })
    await db.query('create table c (id int); insert into c values (7)')
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('- table public.c')
    expect(await db.query('select id from c')).toEqual([{ id: 7 }])
  })

  test('and where the first migration failed at it, until the name of the database is given', async ({ db }) => {
    // What up does not see beforehand.
    const env = await compile(db, { '1_a.sql': `do $$ begin execute 'create table a (id int)'; end $$` })
    await db.query('create table a (id int); insert into a values (7)')
    expect((await db.up([], env)).exitCode).toBe(22)
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('- table public.a')
    expect(stderr).toContain(`--yes-destroy ${db.name}`)
    expect(await db.query('select id from a')).toEqual([{ id: 7 }])
    expect((await db.run(['reset', '--yes-destroy', db.name], env)).exitCode).toBe(0)
    expect(await db.query('select id from a')).toEqual([])
  })
})

test('what a migration outside a transaction has left half way is ours, and so is what an edited one had', async ({
  db,
}) => {
  const env = await compile(db, {
    '1_a.sql': 'create table a (id int)',
    '2_b.sql': `-- upfront:no-transaction\ncreate table b (id int);\ninsert into a values (1);\ndo $$ begin execute 'create table c ()'; end $$`,
  })
  await db.query(`create table c ()`)
  expect((await db.up([], env)).exitCode).toBe(23)
  await db.query(`drop table c; update upfront.history set checksum = 'sha256:other' where name = '1_a'`)
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a', 'public.b', 'public.c'])
})

test('who begins to use a type of ours while tables are dropped keeps the column', async ({ db }) => {
  const env = await applied(db, { '1_a.sql': `create type colour as enum ('red'); create table a (c colour)` })
  await db.query(`create function slow() returns event_trigger language plpgsql as $$ begin
      if current_setting('application_name') like 'upfront/%' then perform pg_sleep(1); end if; end $$;
    create event trigger slow_${db.name} on sql_drop when tag in ('DROP TABLE') execute function slow()`)
  const other = await db.connect()
  const running = db.run(['reset'], env)
  const isDropping = `select from pg_stat_activity where query like 'drop table%' and wait_event = 'PgSleep'
    and datname = current_database()`
  while ((await other.query(isDropping)).rows.length === 0) await sleep(10)
  await other.query(`create table theirs (c colour); insert into theirs values ('red')`)
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(28)
  expect(stderr).toContain('- column c of table public.theirs')
  expect(await db.query('select c from theirs')).toEqual([{ c: 'red' }])
  expect(await db.tables()).toEqual(['public.a', 'public.theirs'])
})

test.for([
  ['the assertion', (file: string) => fs.writeFileSync(file, 'select true;')],
  ['the down', (file: string) => fs.rmSync(file)],
] as const)(
  'a bundle whose files are not what was compiled, %s: nothing is dropped',
  async ([what, damage], { db }) => {
    const env = await applied(db, { ...ours, '2_b.verify.sql': 'select true', '2_b.down.sql': 'drop view b' })
    damage(join(env.UPFRONT_MIGRATIONS_DIR, what === 'the down' ? '2_b.down.sql' : '2_b.verify.sql'))
    await db.query('insert into a values (7)')
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(20)
    expect(await db.query('select id from a')).toEqual([{ id: 7 }])
  },
)

test('what a migration adds to a table of the platform is claimed: verify misses it, and a reset makes it again', async ({
  db,
}) => {
  const platform = 'create schema auth; create table auth.users (id int); insert into auth.users values (7)'
  fs.writeFileSync(join(db.dir, 'platform.sql'), platform)
  const some = {
    '1_users.sql': `alter table auth.users add column plan text; create index users_plan on auth.users (plan);
      create function added() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger added after insert on auth.users for each row execute function added()`,
  }
  const env = await compile(db, some, ['--before', 'platform.sql'])
  await db.query(platform)
  expect((await db.up([], env)).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select id from auth.users')).toEqual([{ id: 7 }])
  await db.query('alter table auth.users drop column plan')
  const verified = await db.run(['verify'], env)
  expect(verified.exitCode, verified.stdout).toBe(27)
  expect(verified.stdout).toContain('auth.users.plan')
})
