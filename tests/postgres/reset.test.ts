// `upfront reset`: drops what the migrations have made, and runs them again.
import { join } from 'node:path'
import { describe, expect, inject } from 'vitest'
import { type Database, type Files, test } from '../support/database.ts'

const shadow = () => ({ UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') })
const development = { UPFRONT_ENV: 'development' }

const files: Files = {
  '1_app.sql': `create schema app;
    create type app.colour as enum ('red', 'green');
    create domain app.email as text check (value like '%@%');
    create table app.users (id bigint generated always as identity primary key, email app.email not null unique,
      colour app.colour default 'red');
    create function app.touch() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger touch before update on app.users for each row execute function app.touch();
    create table public.notes (id serial primary key, user_id bigint references app.users);
    create policy mine on public.notes using (true)`,
  '2_orders.sql': `create table app.orders (id bigint, at date not null, user_id bigint references app.users) partition by range (at);
    create table app.orders_2025 partition of app.orders for values from ('2025-01-01') to ('2026-01-01');
    create index on app.orders (user_id);
    create materialized view app.buyers as select distinct user_id from app.orders;
    create view public.emails as select email from app.users`,
}

/** Applies files, and answers the environment of runs from a bundle of them that knows its schema. */
async function applied(db: Database, some: Files = files) {
  db.files(some)
  const compiled = await db.run(['compile', '--schema', '--out', 'bundle'], shadow())
  expect(compiled.exitCode, compiled.stderr).toBe(0)
  const env = { ...development, UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  return env
}

/** Everything that a description has, as verify sees it. */
async function expectWhole(db: Database, env: Readonly<Record<string, string>>) {
  const { exitCode, stdout, stderr } = await db.run(['verify'], env)
  expect(exitCode, stdout + stderr).toBe(0)
}

test('all is dropped and made again, empty, and its history begins anew', async ({ db }) => {
  const env = await applied(db)
  await db.query(`insert into app.users (email) values ('a@b')`)
  const { exitCode, stderr, applied: again } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^reset +\d+ objects dropped, the history emptied/m)
  expect(again).toEqual(['1_app', '2_orders'])
  expect(await db.query('select * from app.users')).toEqual([])
  expect(await db.history()).toEqual(['migration 1_app applied', 'migration 2_orders applied'])
  await expectWhole(db, env)
  const runs = await db.query(`select command, environment, host, outcome from upfront.runs order by id desc limit 2`)
  expect(runs).toEqual([
    { command: 'up', environment: 'development', host: 'test-host', outcome: 'done' },
    { command: 'reset', environment: 'development', host: 'test-host', outcome: 'done' },
  ])
  expect((await db.up([], env)).stderr).toContain('up to date')
})

test('what somebody has changed in our tables goes with them', async ({ db }) => {
  const env = await applied(db)
  await db.query(`alter table app.users drop column colour, add column nickname text default 'x';
    create index by_hand on app.users (nickname); create sequence app.s owned by app.users.nickname;
    alter table app.users add check (nickname <> ''); drop view public.emails`)
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  await expectWhole(db, env)
})

test('a half migrated database is reset as well, when it is named even where the history is lost', async ({ db }) => {
  const env = await applied(db)
  await db.query('delete from upfront.history; drop table app.orders cascade')
  const refused = await db.run(['reset'], env)
  expect(refused.exitCode, refused.stderr).toBe(28)
  const { exitCode, stderr } = await db.run(['reset', '--yes-destroy', db.name], env)
  expect(exitCode, stderr).toBe(0)
  await expectWhole(db, env)
})

test('a folder has its schema found out on a scratch database, and the seeds follow', async ({ db }) => {
  db.files(files)
  db.seeds({ 'development/1_user.sql': `insert into app.users (email) values ('seed@b') on conflict do nothing` })
  const env = { ...development, ...shadow(), UPFRONT_SEED: 'development' }
  await db.up([], env)
  await db.query(`insert into app.users (email) values ('a@b')`)
  const { exitCode, stderr, seeded } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  expect(seeded).toEqual(['development/1_user.sql'])
  expect(await db.query('select email from app.users')).toEqual([{ email: 'seed@b' }])
  expect(await db.query(`select datname from pg_database where datname like 'upfront_scratch_${db.name}_%'`)).toEqual(
    [],
  )
})

describe('what is not ours stays where it is', () => {
  test('tables in public, a schema of their own, and their rows', async ({ db }) => {
    const env = await applied(db)
    await db.query(`create table public.theirs (id int); insert into public.theirs values (7);
      create schema other; create table other.users (id int); insert into other.users values (8)`)
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('not of these migrations, so it stays: table public.theirs')
    expect(await db.query('select id from public.theirs union all select id from other.users')).toEqual([
      { id: 7 },
      { id: 8 },
    ])
  })

  test('and a schema of ours with something else in it, when its migration can live with that', async ({ db }) => {
    const some = { '1_app.sql': 'create schema if not exists "Ä b"; create table "Ä b".t (id int)' }
    const env = await applied(db, some)
    await db.query('create table "Ä b".theirs (id int); insert into "Ä b".theirs values (7)')
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('schema "Ä b" stays, needed by table "Ä b".theirs')
    expect(await db.query('select id from "Ä b".theirs')).toEqual([{ id: 7 }])
  })

  test('refused when it cannot: the migration would stop there with everything gone', async ({ db }) => {
    const env = await applied(db)
    await db.query('create table app.theirs (id int)')
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('schema app has to stay, and 1_app makes it; nothing was changed')
    expect(stderr).toContain('- schema app is needed by table app.theirs')
    await db.query('drop table app.theirs')
    await expectWhole(db, env)
  })

  test('and an extension that something else needs', async ({ db }) => {
    const env = await applied(db, { '1_a.sql': 'create extension if not exists citext; create table t (name citext)' })
    await db.query('create table theirs (name citext)')
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('extension citext stays, needed by column name of table public.theirs')
    await db.query('drop table theirs')
    const again = await db.run(['reset'], env)
    expect(again.exitCode, again.stderr).toBe(0)
    expect(again.stderr).not.toContain('citext stays')
  })
})

describe('what depends on ours and is not listed is named, and nothing changes: 28', () => {
  test.for([
    ['a view', 'create view v as select email from app.users', ['view public.v']],
    ['a materialized view', 'create materialized view v as select 1 from app.buyers', ['materialized view public.v']],
    [
      'a foreign key',
      'create table theirs (u bigint constraint fk references app.users)',
      ['constraint fk on table public.theirs'],
    ],
    ['a column of our type', 'create table theirs (id int, c app.colour)', ['column c of table public.theirs']],
    ['a column of our domain', 'create table theirs (id int, c app.email)', ['column c of table public.theirs']],
    ['a column of our row', 'create table theirs (id int, c app.users)', ['column c of table public.theirs']],
    [
      'a default',
      `create table theirs (id int default nextval('notes_id_seq'))`,
      ['default value for column id of table public.theirs'],
    ],
    [
      'a function with our type',
      'create function f(app.colour) returns int language sql return 1',
      ['function public.f(app.colour)'],
    ],
    [
      'a trigger on a table of theirs',
      'create table theirs (); create trigger t before insert on theirs for each row execute function app.touch()',
      ['trigger t on table public.theirs'],
    ],
    [
      'a trigger on ours',
      'create trigger t before insert on app.users for each row execute function app.touch()',
      ['trigger t on table app.users'],
    ],
    ['a policy on ours', 'create policy p on app.users', ['policy p on table app.users']],
    [
      'a policy of theirs',
      'create table theirs (); create policy p on theirs using (exists (select from app.users))',
      ['policy p on table public.theirs'],
    ],
    ['a rule', 'create rule r as on insert to app.users do also notify x', ['rule r on table app.users']],
    [
      'a partition',
      `create table theirs partition of app.orders for values from ('2026-01-01') to ('2027-01-01')`,
      ['table public.theirs'],
    ],
    ['a child', 'create table theirs () inherits (notes)', ['table public.theirs']],
    [
      'a publication',
      'create publication theirs for table app.users',
      ['publication of table app.users in publication theirs'],
    ],
    ['a domain over ours', 'create domain theirs as app.email', ['type public.theirs']],
    [
      'an index by our function',
      `create table theirs (id int); create function app_f(int, app.colour) returns int immutable language sql as 'select 1';
      create index i on theirs (app_f(id, 'red'))`,
      ['function public.app_f(integer,app.colour)', 'index public.i'],
    ],
    [
      'an event trigger',
      `create function app.e() returns event_trigger language plpgsql as $$ begin end $$;
      create event trigger theirs on ddl_command_end execute function app.e()`,
      [],
    ],
  ] as const)('%s', async ([what, sql, named], { db }) => {
    const env = await applied(db)
    await db.query(sql)
    try {
      const { exitCode, stderr } = await db.run(['reset'], env)
      expect(exitCode, stderr).toBe(28)
      for (const name of named) expect(stderr).toContain(`- ${name}`)
      if (named.length > 0) expect(stderr.match(/^ {2}- /gm)).toHaveLength(named.length)
      expect(await db.history()).toEqual(['migration 1_app applied', 'migration 2_orders applied'])
      expect(await db.tables()).toContain('app.orders_2025')
      expect(await db.query(`select command from upfront.runs`)).toEqual([{ command: 'up' }])
    } finally {
      if (what === 'an event trigger') await db.query('drop event trigger theirs')
    }
  })
})

describe('consent', () => {
  test('a database that is marked production, and one that nobody has marked, need their name', async ({ db }) => {
    const env = await applied(db)
    for (const change of [`update upfront.runs set environment = 'Production'`, 'drop schema upfront cascade']) {
      await db.query(change)
      const { exitCode, stderr } = await db.run(['reset'], env)
      expect(exitCode, stderr).toBe(28)
      expect(stderr).toContain(`--yes-destroy ${db.name}`)
      const wrong = await db.run(['reset', '--yes-destroy', 'other'], env)
      expect(wrong.exitCode, wrong.stderr).toBe(28)
      const right = await db.run(['reset', '--yes-destroy', db.name], env)
      expect(right.exitCode, right.stderr).toBe(0)
      await expectWhole(db, env)
    }
  })

  test('it marks nothing anew: without UPFRONT_ENV a development database stays one', async ({ db }) => {
    const { UPFRONT_MIGRATIONS_DIR } = await applied(db)
    expect((await db.run(['reset'], { UPFRONT_MIGRATIONS_DIR })).exitCode).toBe(0)
    expect((await db.run(['reset'], { UPFRONT_MIGRATIONS_DIR })).exitCode).toBe(0)
  })
})

describe('before anything changes', () => {
  test('a migration that the bundle does not have is refused, and named', async ({ db }) => {
    const env = await applied(db)
    db.files({ ...files, '3_more.sql': 'create table more (id int)' })
    await db.up([], development)
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('- 3_more')
    expect(stderr).toContain('upfront repair --forget 3_more')
    expect(await db.tables()).toContain('public.more')
  })

  test('a file that cannot run is 20', async ({ db }) => {
    await applied(db)
    db.files({ ...files, '2_orders.sql': 'creat table' })
    const { exitCode, stderr } = await db.run(['reset'], { ...development, ...shadow() })
    expect(exitCode, stderr).toBe(20)
    expect(await db.tables()).toContain('app.orders')
  })

  test('a role that a migration makes without asking whether it is there is named', async ({ db }) => {
    const role = `${db.name}_made`
    db.files({ '1_role.sql': `create role "${role}"` })
    // The role would be there already on a scratch database of the same server.
    const compiled = await db.run(['compile', '--schema', '--out', 'bundle'], shadow())
    expect(compiled.exitCode, compiled.stderr).toBe(0)
    const env = { ...development, UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
    await db.query(`drop role if exists "${role}"`)
    expect((await db.up([], env)).exitCode).toBe(0)
    const { exitCode, stderr } = await db.run(['reset'], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain(`- role ${role}, made by 1_role`)
    await db.query(`drop role "${role}"`)
    expect((await db.run(['reset'], env)).exitCode).toBe(0)
  })

  test('a role that is not the owner is DENIED with names', async ({ db }) => {
    const env = await applied(db)
    const { user, password } = await db.role()
    await db.query(`grant usage on schema upfront to ${user}; grant all on all tables in schema upfront to ${user};
      alter table app.orders owner to ${user}`)
    const { exitCode, stderr } = await db.run(['reset'], { ...env, UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })
    expect(exitCode, stderr).toBe(24)
    expect(stderr).toContain('- table app.users')
    expect(stderr).not.toContain('- table app.orders\n')
    await db.query('alter table app.orders owner to postgres')
    await expectWhole(db, env)
  })
})

test('who holds a lock is named, and left alone: 33', async ({ db }) => {
  const env = await applied(db)
  const other = await db.connect()
  await other.query(`set application_name = 'billing'; begin; select from app.users`)
  const busy = { ...env, UPFRONT_LOCK_TIMEOUT: '2s', UPFRONT_LOCK_RETRY: '3s' }
  const { exitCode, stderr } = await db.run(['reset'], busy)
  expect(exitCode, stderr).toBe(33)
  expect(stderr).toMatch(/others are connected, and are left alone: .*billing/)
  expect(stderr).toMatch(/pid \d+ billing as postgres, idle in transaction/)
  expect((await other.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await other.query('rollback')
  await expectWhole(db, env)
})

test('kinds of all sorts are dropped and made again', async ({ db }) => {
  const env = await applied(db, {
    '1_all.sql': `create schema "S'1 ü";
      create collation "S'1 ü".c from "C";
      create type "S'1 ü".range as range (subtype = int4);
      create type "S'1 ü".pair as (a int, b "S'1 ü".range);
      create sequence "S'1 ü"."the ""seq""";
      create table "S'1 ü"."${'ü'.repeat(31)}" (id int, p "S'1 ü".pair, name text collate "S'1 ü".c);
      create statistics "S'1 ü".stat (ndistinct) on id, name from "S'1 ü"."${'ü'.repeat(31)}";
      create function "S'1 ü".f(a int, out b int, variadic c text[]) language sql as 'select 1';
      create procedure "S'1 ü".p(inout a int, b "S'1 ü".pair) language sql as 'select 1';
      create aggregate "S'1 ü".agg(int) (sfunc = int4pl, stype = int, initcond = '0');
      create aggregate "S'1 ü".pct(float8 order by anyelement)
        (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
      create publication "pub ü" for table "S'1 ü"."${'ü'.repeat(31)}";
      create function "S'1 ü".e() returns event_trigger language plpgsql as $$ begin end $$;
      create event trigger "et ü" on ddl_command_start when tag in ('CREATE CAST') execute function "S'1 ü".e();
      create operator "S'1 ü".=== (leftarg = int, rightarg = int, function = int4eq);
      create text search configuration "S'1 ü".ts (copy = simple);
      create function "S'1 ü".to_range(int) returns "S'1 ü".range language sql immutable as $$ select "S'1 ü".range($1, $1) $$;
      create cast (int as "S'1 ü".range) with function "S'1 ü".to_range(int)`,
    '2_gone.sql': `create table gone (id int); drop table gone`,
  })
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  await expectWhole(db, env)
  expect(await db.query(`select count(*)::int as n from pg_namespace where nspname like 'S''1%'`)).toEqual([{ n: 1 }])
})

test('kinds that no description models too', async ({ db }) => {
  const env = await applied(db, {
    '1_all.sql': `create schema app;
      create function app.cmp(int, int) returns int language sql immutable as 'select btint4cmp($1, $2)';
      create operator class app.ops for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=,
        operator 5 >, function 1 app.cmp(int, int);
      create operator family app.fam using hash;
      create table app.t (id int); create index on app.t (id app.ops);
      create foreign data wrapper "app fdw"; create server "app server" foreign data wrapper "app fdw";
      create user mapping for public server "app server";
      create foreign table app.f (id int) server "app server";
      create text search dictionary app.d (template = simple);
      create text search configuration app.c (copy = simple);
      alter text search configuration app.c alter mapping for asciiword with app.d;
      create conversion app.conv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
      create type app.shell`,
  })
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  await expectWhole(db, env)
})

test('a temporary table of somebody that has a type of ours is named', async ({ db }) => {
  const env = await applied(db)
  const other = await db.connect()
  await other.query('create temporary table mine (c app.colour)')
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(28)
  expect(stderr).toMatch(/- column c of table pg_temp_\d+\.mine/)
})

test('an owner without other rights can do it', async ({ db }) => {
  const { user, password } = await db.role()
  await db.query(`grant create on database ${db.name} to ${user}; grant all on schema public to ${user}`)
  db.files(files)
  const url = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  const compiled = await db.run(['compile', '--schema', '--out', 'bundle'], shadow())
  expect(compiled.exitCode, compiled.stderr).toBe(0)
  const env = { ...development, ...url, UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
  expect((await db.up([], env)).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  await expectWhole(db, env)
})

test('under another search_path, and with others of the same names in front', async ({ db }) => {
  const env = await applied(db)
  await db.query(`create schema front; create table front.users (id int); create table front.notes (id int);
    alter database ${db.name} set search_path = front, app, public`)
  const { exitCode, stderr } = await db.run(['reset'], env)
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toContain('front.users')
})
