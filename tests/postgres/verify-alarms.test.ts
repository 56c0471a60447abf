import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { type Database, test } from '../support/database.ts'

type Env = Readonly<Record<string, string>>

/** Compiles the files with their schema; answers the environment of a run from that bundle. */
async function compile(db: Database, files: Env, more: Env = {}, flags: readonly string[] = [], beside: Env = {}) {
  db.files(files)
  for (const [name, text] of Object.entries(beside)) fs.writeFileSync(join(db.dir, name), text)
  const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl'), ...more }
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle', ...flags], shadow)
  expect(exitCode, stderr).toBe(0)
  return { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
}

const one = { '1_app.sql': 'create schema app; create table app.users (id bigint primary key)' }
const two = { ...one, '2_orders.sql': 'create table app.orders (id bigint primary key)' }
const again = { 'repeatable/people.sql': 'create or replace view app.people as select id from app.users' }

test('what repeatable migrations have made is expected while others are pending', async ({ db }) => {
  await db.up([], await compile(db, { ...one, ...again }))
  const env = await compile(db, { ...two, ...again })
  const verified = await db.run(['verify'], env)
  expect(verified.exitCode, verified.stdout).toBe(0)
  const part = await db.up(['--to', '1_app'], { ...env, UPFRONT_VERIFY: 'fail' })
  expect(part.exitCode, part.stderr).toBe(0)
})

test('a view that is to be replaced is no drift while that is pending', async ({ db }) => {
  await db.up([], await compile(db, { ...one, ...again }))
  const changed = {
    'repeatable/people.sql': 'create or replace view app.people as select id from app.users where id > 0',
  }
  const verified = await db.run(['verify'], await compile(db, { ...one, ...changed }))
  expect(verified.exitCode, verified.stdout).toBe(0)
})

test('our tables may stand among those of the application, which are verified all the same', async ({ db }) => {
  const files = { '1_app.sql': 'create schema if not exists app; create table app.users (id bigint primary key)' }
  const env = { ...(await compile(db, files)), UPFRONT_SCHEMA: 'app' }
  const up = await db.up([], { ...env, UPFRONT_VERIFY: 'fail' })
  expect(up.exitCode, up.stderr).toBe(0)
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
  await db.query('alter table app.users add column x int')
  expect((await db.run(['verify'], env)).exitCode).toBe(27)
})

test('and so they may when it was compiled with the same name', async ({ db }) => {
  const plain = { '1_a.sql': 'create table public.a (id int)' }
  const env = { ...(await compile(db, plain, { UPFRONT_SCHEMA: 'public' })), UPFRONT_SCHEMA: 'public' }
  const up = await db.up([], { ...env, UPFRONT_VERIFY: 'fail' })
  expect(up.exitCode, up.stderr).toBe(0)
  await db.query('alter table public.a add column x int')
  expect((await db.run(['verify'], env)).exitCode).toBe(27)
})

test('?schema= of the shadow is where a migration makes what has no schema in its name', async ({ db }) => {
  const on = new URL(inject('postgresUrl'))
  on.searchParams.set('schema', 'app')
  const files = { '1_a.sql': 'create schema if not exists app', '2_a.sql': 'create table a (id int)' }
  const env = await compile(db, files, { UPFRONT_SHADOW_DATABASE_URL: on.href })
  await db.query('create schema app')
  const url = new URL(db.url)
  url.searchParams.set('schema', 'app')
  const up = await db.up([], { ...env, UPFRONT_DATABASE_URL: url.href, UPFRONT_VERIFY: 'fail' })
  expect(up.exitCode, up.stderr).toBe(0)
})

test('a lock on a table is waited for as long as UPFRONT_LOCK_TIMEOUT says, and no longer', async ({ db }) => {
  const env = await compile(db, { ...one, '2_v.sql': 'create view app.v as select * from app.users' })
  await db.up([], env)
  const holder = await db.connect()
  await holder.query('begin; lock table app.v in access exclusive mode; lock table app.users in access exclusive mode')
  const timer = setTimeout(() => void holder.query('rollback'), 8_000)
  const begun = performance.now()
  const { exitCode, stderr } = await db.run(['verify'], { ...env, UPFRONT_LOCK_TIMEOUT: '500ms' })
  clearTimeout(timer)
  expect(performance.now() - begun).toBeLessThan(6_000)
  expect(exitCode, stderr).toBe(33)
})

test('the role of the run looks, and not the one that logs in', async ({ db }) => {
  const env = await compile(db, one)
  await db.up([], env)
  const { user, password } = await db.role('login noinherit')
  const { user: reader } = await db.role('nologin')
  await db.query(
    `grant ${reader} to ${user}; grant usage on schema upfront to ${reader}; grant select on all tables in schema upfront to ${reader}`,
  )
  await db.query(`revoke select on pg_catalog.pg_policy from public; grant select on pg_catalog.pg_policy to ${reader}`)
  const as = { ...env, UPFRONT_DATABASE_URL: db.urlOf({ user, password }), UPFRONT_ROLE: reader }
  const { exitCode, stderr, stdout } = await db.run(['verify'], as)
  await db.query(`grant select on pg_catalog.pg_policy to public`)
  expect(exitCode, stderr + stdout).toBe(0)
})

test('what has no line of its own and is gone is no success', async ({ db }) => {
  const env = await compile(db, {
    '1_s.sql': 'create text search configuration public.simple2 (copy = simple); create table a (id int)',
  })
  await db.up([], env)
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
  await db.query('drop text search configuration public.simple2')
  const { exitCode, stdout } = await db.run(['verify'], env)
  expect(exitCode, stdout).toBe(27)
})

test('a baseline is not proved by a role that may not look', async ({ db }) => {
  const env = await compile(db, {
    '1_a.sql': 'create table a (id int); alter table a enable row level security; create policy p on a using (true)',
  })
  const { user, password } = await db.role('login')
  await db.query(
    `create table a (id int); alter table a enable row level security; grant create on database ${db.name} to ${user}`,
  )
  await db.query(`revoke select on pg_catalog.pg_policy from public`)
  const { exitCode, stderr } = await db.run(['baseline'], {
    ...env,
    UPFRONT_DATABASE_URL: db.urlOf({ user, password }),
  })
  await db.query(`grant select on pg_catalog.pg_policy to public`)
  expect(exitCode, stderr).not.toBe(0)
})

test('with warn nothing that verifying meets keeps up from starting', async ({ db }) => {
  const env = await compile(db, { ...one, '2_v.sql': 'create view app.v as select * from app.users' })
  await db.up([], env)
  const more = await compile(db, {
    ...one,
    '2_v.sql': 'create view app.v as select * from app.users',
    '3_o.sql': 'create table app.o (id int)',
  })
  const holder = await db.connect()
  await holder.query('begin; lock table app.users in access exclusive mode')
  const { exitCode, stderr } = await db.up([], { ...more, UPFRONT_LOCK_TIMEOUT: '500ms' })
  await holder.query('rollback')
  expect(exitCode, stderr).toBe(0)
})

test('a schema of the platform may have any name', async ({ db }) => {
  fs.writeFileSync(
    join(db.dir, 'platform.sql'),
    'create schema "My Auth"; create table "My Auth".users (id int primary key)',
  )
  const env = await compile(db, { '1_a.sql': 'create table a (id int references "My Auth".users)' }, {}, [
    '--before',
    'platform.sql',
  ])
  await db.query(
    'create schema "My Auth"; create table "My Auth".users (id int primary key); create table "My Auth".more (a int)',
  )
  await db.up([], env)
  const { exitCode, stdout } = await db.run(['verify'], env)
  expect(exitCode, stdout).toBe(0)
})

test("what another tool keeps for itself is nobody's drift, wherever the search_path has it", async ({ db }) => {
  const url = new URL(db.url)
  url.searchParams.set('schema', 'app')
  const env = await compile(db, { 'V1__a.sql': 'create table app.a (id int)' }, {}, ['--before', 'platform.sql'], {
    'platform.sql': 'create schema app',
  })
  await db.query(`create schema app; create table app.a (id int);
    create table app.flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200),
      type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp default now(),
      execution_time int, success boolean)`)
  const on = { ...env, UPFRONT_DATABASE_URL: url.href }
  const recorded = await db.run(['baseline'], on)
  expect(recorded.exitCode, recorded.stderr).toBe(0)
  const { exitCode, stdout } = await db.run(['verify'], on)
  expect(exitCode, stdout).toBe(0)
})

test('a history of names without a schema is found, and does not count', async ({ db }) => {
  const env = await compile(db, { '1_a.sql': 'create table a (id int)' })
  await db.query(`create table a (id int); create table done (name text); insert into done values ('1_a')`)
  const on = { ...env, UPFRONT_ADOPT: 'done.name', UPFRONT_VERIFY: 'fail' }
  const up = await db.up([], on)
  expect(up.exitCode, up.stderr).toBe(0)
  expect((await db.run(['verify'], on)).exitCode).toBe(0)
})

test('a trigger that only a partition has switched off is seen on every major version', async ({ db }) => {
  const env = await compile(db, {
    '1_a.sql': `create table a (id int) partition by range (id); create table a_1 partition of a for values from (1) to (9);
      create function f() returns trigger language plpgsql as 'begin return new; end';
      create trigger t after insert on a for each row execute function f()`,
  })
  await db.up([], env)
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
  await db.query('alter table a_1 disable trigger t')
  const { exitCode, stdout } = await db.run(['verify'], env)
  expect(exitCode, stdout).toBe(27)
  expect(stdout).toMatch(/^unexpected +trigger public\.a_1\.t /m)
})

test('where TimeZone decided what an instant is, nobody is accused of a change, and both ways out hold', async ({
  db,
}) => {
  const table = (at: string) => `create table public.p (at timestamptz default '${at}') partition by range (at);
    create table public.p1 partition of public.p for values from ('${at}') to ('2025-01-01 00:00+02')`
  await db.query(
    `do 'begin execute format(''alter database %I set timezone = %L'', current_database(), ''Europe/Berlin''); end'`,
  )
  const env = await compile(db, { '1_p.sql': table('2024-01-01') })
  await db.up([], env)
  const wrong = await db.run(['verify'], env)
  expect(wrong.exitCode).toBe(27)
  expect(wrong.stderr).toContain('Where only an instant differs, a file names a time without its offset')
  const there = { UPFRONT_SHADOW_DATABASE_URL: `${inject('postgresUrl')}?options=-c%20TimeZone%3DEurope/Berlin` }
  const right = await db.run(['verify'], await compile(db, { '1_p.sql': table('2024-01-01') }, there))
  expect(right.exitCode, right.stderr).toBe(0)
  await db.query('drop table public.p; drop schema upfront cascade')
  const exact = await compile(db, { '1_p.sql': table('2024-01-01 00:00+02') })
  await db.up([], exact)
  const same = await db.run(['verify'], exact)
  expect(same.exitCode, same.stderr).toBe(0)
  await db.query('alter table public.p alter at drop default')
  const other = await db.run(['verify'], exact)
  expect(other.exitCode).toBe(27)
  expect(other.stderr).not.toContain('Where only an instant differs')
})
