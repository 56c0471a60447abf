// A tenant that is a schema: its history stands among its own tables, and its neighbours are not touched.
import { describe, expect, inject } from 'vitest'
import { type Database, test } from '../support/database.ts'

const names = ['tenant_1', 'Tenant "7"', 'mandant_ä', 'select', 'a.b', `o'neil`, 'x'.repeat(63)]
const files = {
  '001_users.sql': 'create table users (id int generated always as identity primary key, email text not null)',
  '002_orders.sql':
    'create table orders (id int primary key, owner int references users); create index on orders (owner)',
  '003_seen.sql': '-- upfront:no-transaction\ncreate index concurrently users_email on users (email)',
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

async function makeTenants(db: Database, tenants: readonly string[]) {
  for (const name of tenants) await db.query(`create schema ${quote(name)}`)
}

const applied = (db: Database, tenant: string) =>
  db
    .query<{ line: string }>(`select name || ' ' || state as line from ${quote(tenant)}.upfront_history order by id`)
    .then((rows) => rows.map(({ line }) => line))

const all = ['001_users applied', '002_orders applied', '003_seen applied']

describe('up', () => {
  test.for(names)('makes and records everything in the schema %s, and nothing elsewhere', async (tenant, { db }) => {
    await makeTenants(db, [tenant, 'neighbour'])
    db.files(files)
    const { exitCode, stderr } = await db.up([], { UPFRONT_TENANT: tenant })
    expect(exitCode, stderr).toBe(0)
    expect(await applied(db, tenant)).toEqual(all)
    expect((await db.tables()).map((name) => name.slice(tenant.length + 1)).sort()).toEqual([
      'orders',
      'upfront_history',
      'upfront_runs',
      'users',
    ])
    const again = await db.up([], { UPFRONT_TENANT: tenant })
    expect([again.exitCode, again.applied]).toEqual([0, []])
    expect((await db.run(['status'], { UPFRONT_TENANT: tenant })).stdout).toContain('003_seen')
    expect((await db.run(['wait'], { UPFRONT_TENANT: tenant })).exitCode).toBe(0)
    expect((await db.run(['wait'], { UPFRONT_TENANT: 'neighbour', UPFRONT_WAIT_TIMEOUT: '100ms' })).exitCode).not.toBe(
      0,
    )
  })

  test('goes along with tables of the tenant that are called history and runs', async ({ db }) => {
    await makeTenants(db, ['t'])
    db.files({
      '001_ours.sql': 'create table history (id int); create table runs (id int); create table upfront (id int)',
    })
    expect((await db.up([], { UPFRONT_TENANT: 't' })).exitCode).toBe(0)
    expect((await db.up([], { UPFRONT_TENANT: 't' })).exitCode).toBe(0)
  })

  test('finds behind the schema what all tenants share in public', async ({ db }) => {
    await makeTenants(db, ['t'])
    await db.query(`create type public.mood as enum ('sad'); create table public.plans (id int primary key)`)
    db.files({ '001_a.sql': 'create table a (id int, mood mood, plan int references plans)' })
    const { exitCode, stderr } = await db.up([], { UPFRONT_TENANT: 't' })
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toContain('t.a')
  })

  test('is refused for a schema that does not exist, because its tables would be made in public', async ({ db }) => {
    db.files(files)
    const { exitCode, stderr } = await db.up([], { UPFRONT_TENANT: 'Gone' })
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('no schema "Gone"')
    expect(await db.tables()).toEqual([])
    for (const command of [['baseline', '--to', '003_seen', '--against-catalog'], ['verify']])
      expect((await db.run(command, { UPFRONT_TENANT: 'Gone' })).exitCode, command[0]).not.toBe(0)
    expect(await db.query(`select from pg_namespace where nspname in ('Gone', 'upfront')`)).toEqual([])
  })

  test('rolls back what a migration makes in public once its schema is dropped half way', async ({ db }) => {
    await makeTenants(db, ['t'])
    db.files({ '001_a.sql': 'create table a (id int)' })
    expect((await db.up([], { UPFRONT_TENANT: 't' })).exitCode).toBe(0)
    db.files({
      '001_a.sql': 'create table a (id int)',
      '002_b.sql': 'set client_min_messages = warning; drop schema t cascade; create table b (id int)',
      '003_c.sql': 'create table c (id int)',
    })
    const { exitCode } = await db.up([], { UPFRONT_TENANT: 't' })
    expect(exitCode).not.toBe(0)
    expect(await db.tables()).toEqual(['t.a', 't.upfront_history', 't.upfront_runs'])
  })

  test('is refused for tables that the tenant has, not for those of a neighbour or of public', async ({ db }) => {
    await makeTenants(db, ['t', 'n'])
    await db.query('create table n.users (id int); create table public.users (id int)')
    db.files(files)
    expect((await db.up([], { UPFRONT_TENANT: 't' })).exitCode).toBe(0)
    const { exitCode, stderr } = await db.up([], { UPFRONT_TENANT: 'n' })
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('users')
    const based = await db.run(['baseline', '--to', '001_users'], { UPFRONT_TENANT: 'n' })
    expect(based.stderr).toContain(`database       n in ${db.name} on`)
    expect(based.exitCode, based.stderr).toBe(0)
    expect(await db.query('select name from n.upfront_history')).toEqual([{ name: '001_users' }])
  })

  test('does not take another tool’s history in public for the tenant’s', async ({ db }) => {
    await makeTenants(db, ['t', 'own'])
    const table = 'goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp default now())'
    for (const schema of ['public', 'own'])
      await db.query(`create table ${schema}.${table};
        insert into ${schema}.goose_db_version values (1, 0, true), (2, 1, true)`)
    db.files({ '00001_a.sql': '-- +goose Up\ncreate table a (id int);\n-- +goose Down\ndrop table a;' })
    const fresh = await db.up([], { UPFRONT_TENANT: 't' })
    expect(fresh.exitCode, fresh.stderr).toBe(0)
    expect(await db.tables()).toContain('t.a')
    const adopted = await db.up([], { UPFRONT_TENANT: 'own' })
    expect(adopted.exitCode, adopted.stderr).toBe(0)
    expect(await db.tables()).not.toContain('own.a')
    expect(await applied(db, 'own')).toEqual(['00001_a adopted'])
  })

  test('asks of the role no more than its schema', async ({ db }) => {
    const us = await db.role('login')
    await db.query(`create schema t authorization ${us.user};
      create schema other; grant usage on schema other to ${us.user}`)
    db.files(files)
    const env = { UPFRONT_DATABASE_URL: db.urlOf(us) }
    const { exitCode, stderr } = await db.up([], { ...env, UPFRONT_TENANT: 't' })
    expect(exitCode, stderr).toBe(0)
    const denied = await db.up([], { ...env, UPFRONT_TENANT: 'other' })
    expect(denied.exitCode, denied.stderr).toBe(24)
    expect(denied.stderr).toContain('grant usage, create on schema "other"')
  })

  test('locks the schema alone: two tenants of one database are migrated at once', async ({ db }) => {
    await makeTenants(db, ['a', 'b'])
    db.files({ '001_slow.sql': 'select pg_sleep(1); create table slow (id int)' })
    const blocker = await db.connect()
    await blocker.query('begin; create schema c; create table public.only_me (id int)')
    const began = performance.now()
    const runs = await Promise.all(['a', 'b', 'a'].map((tenant) => db.up([], { UPFRONT_TENANT: tenant })))
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
    expect(runs.flatMap((run) => run.applied)).toEqual(['001_slow', '001_slow'])
    expect(performance.now() - began).toBeLessThan(1_900)
    await blocker.query('rollback')
  })
})

test('what stopped half way in one tenant is put right there', async ({ db }) => {
  await makeTenants(db, ['t'])
  db.files({ '001_x.sql': '-- upfront:no-transaction\ncreate table x (id int);\nselect 1 / 0' })
  const env = { UPFRONT_TENANT: 't' }
  expect((await db.up([], env)).exitCode).toBe(23)
  const done = await db.run(['repair', '--not-done', '001_x', '--reason', 'tried'], env)
  expect(done.exitCode, done.stderr).toBe(28)
  await db.query('drop table t.x')
  expect((await db.run(['repair', '--not-done', '001_x', '--reason', 'tried'], env)).exitCode).toBe(0)
  db.files({ '001_x.sql': 'create table x (id int)' })
  expect((await db.up([], env)).exitCode).toBe(0)
})

describe('reset', () => {
  const bundled = { '001_users.sql': 'create table users (id int primary key); create table gone (id int)' }
  const later = {
    ...bundled,
    '002_more.sql': 'drop table gone; alter table users add note text; create index on users (note)',
  }
  const tenant = 'Tenant "7"'
  const at = quote(tenant)

  test.for(['bundle', 'folder'])(
    'drops what the tenant has by a %s, and nothing of public or others',
    async (from, { db }) => {
      await makeTenants(db, [tenant, 'n'])
      await db.query(`create table public.users (id int primary key); insert into public.users values (1);
        create view public.seen as select * from public.users; create table n.users (id int)`)
      db.files(later)
      const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
      if (from === 'bundle') await db.run(['compile', '--schema', '--out', 'bundle'], shadow)
      const env = {
        ...shadow,
        UPFRONT_TENANT: tenant,
        UPFRONT_ENV: 'development',
        ...(from === 'bundle' ? { UPFRONT_MIGRATIONS_DIR: `${db.dir}/bundle/migrations` } : {}),
      }
      expect((await db.up([], env)).exitCode).toBe(0)
      await db.query(`insert into ${at}.users values (2); create table ${at}.mine (id int)`)
      const before = await db.tables()
      const { exitCode, stderr, applied } = await db.run(['reset'], env)
      expect(exitCode, stderr).toBe(0)
      expect(applied).toEqual(['001_users', '002_more'])
      expect(await db.tables()).toEqual(before)
      expect(await db.query('select * from public.seen')).toEqual([{ id: 1 }])
      expect(await db.query(`select * from ${at}.users`)).toEqual([])
      await db.query(`create view n.of_it as select id from ${at}.users`)
      const needed = await db.run(['reset'], env)
      expect([needed.exitCode, needed.stderr.includes('n.of_it')]).toEqual([28, true])
    },
  )
})

test('what is pending is rehearsed in a schema of that name, held against the tables of the tenant', async ({ db }) => {
  await makeTenants(db, ['t'])
  const env = { UPFRONT_TENANT: 't', UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
  const first = { '001_users.sql': 'create table users (id int primary key)' }
  db.files(first)
  expect((await db.up([], env)).exitCode).toBe(0)
  db.files({ ...first, '002_more.sql': 'alter table users add note text' })
  const { exitCode, stdout, stderr } = await db.run(['rehearse'], env)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('ACCESS EXCLUSIVE t.users')
  expect(stdout).toContain('+ column t.users.note')
  expect(stdout).not.toContain('mean something else')
  const same = await db.run(['verify'], env)
  expect(same.exitCode, same.stderr).toBe(0)
})

describe('verify', () => {
  const compiled = {
    ...files,
    '004_more.sql': `create type state as enum ('on', 'off');
      create table things (id serial primary key, state state default 'on');
      create function twice(n int) returns int language sql begin atomic select n * 2 + (select count(*)::int from things); end;
      create view seen as select u.email, t.state from users u, things t;
      create trigger t before insert on things for each row execute function suppress_redundant_updates_trigger()`,
  }

  test.for(['t', 'Tenant "7"'])(
    'holds the schema %s against what the files make in an empty database',
    async (tenant, { db }) => {
      await db.query(`create type public.mood as enum ('sad')`)
      await makeTenants(db, [tenant, 'neighbour'])
      db.files({
        ...compiled,
        '004_more.sql': compiled['004_more.sql'].replace('public.mood', 'text').replace('update', 'update'),
      })
      const shadow = { UPFRONT_SHADOW_DATABASE_URL: db.url }
      const made = await db.run(['compile', '--schema', '--out', 'bundle'], shadow)
      expect(made.exitCode, made.stderr).toBe(0)
      const env = {
        UPFRONT_TENANT: tenant,
        UPFRONT_MIGRATIONS_DIR: `${db.dir}/bundle/migrations`,
        UPFRONT_VERIFY: 'fail',
      }
      const up = await db.up([], env)
      expect(up.exitCode, up.stderr).toBe(0)
      const same = await db.run(['verify'], env)
      expect(same.exitCode, same.stdout).toBe(0)
      const at = quote(tenant)
      await db.query(`alter table ${at}.users add column extra int; drop view ${at}.seen`)
      const drift = await db.run(['verify'], env)
      expect(drift.exitCode).toBe(27)
      expect(drift.stdout).toContain('seen')
      expect(drift.stdout).toContain('extra')
      expect(drift.stdout).not.toContain('upfront_history')
    },
  )

  test('sees a foreign key that leads out of the tenant’s schema', async ({ db }) => {
    await makeTenants(db, ['t'])
    db.files(files)
    await db.run(['compile', '--schema', '--out', 'bundle'], { UPFRONT_SHADOW_DATABASE_URL: db.url })
    const env = { UPFRONT_TENANT: 't', UPFRONT_MIGRATIONS_DIR: `${db.dir}/bundle/migrations` }
    expect((await db.up([], env)).exitCode).toBe(0)
    await db.query(`create table public.users (id int primary key);
      alter table t.orders drop constraint orders_owner_fkey, add foreign key (owner) references public.users`)
    const drift = await db.run(['verify'], env)
    expect(drift.exitCode).toBe(27)
    expect(drift.stdout).toContain('orders_owner_fkey')
  })
})

describe('a statement by which tenants would share what they must not', () => {
  test('is refused before anything runs, and what has a schema or sets another is none', async ({ db }) => {
    await makeTenants(db, ['t'])
    db.files({
      '001_ext.sql': 'create extension if not exists "citext";',
      '002_reset.sql': 'create table a (id int);\nreset search_path;\ncreate table b (id int);',
      '003_outside.sql': '-- upfront:no-transaction\ncreate table c ();\nreset all;\ncreate table d ();',
      '004_default.sql': 'set search_path to default;\ncreate table e (id int);',
    })
    const { exitCode, stderr } = await db.up([], { UPFRONT_TENANT: 't' })
    expect(exitCode).toBe(20)
    expect(stderr).toContain('001_ext.sql:1:1')
    expect(stderr).toContain('create extension if not exists "citext" schema public;')
    for (const place of ['002_reset.sql:2:1', '003_outside.sql:3:1', '004_default.sql:1:1'])
      expect(stderr).toContain(place)
    expect(await db.tables()).toEqual([])
    db.files({
      '001_ext.sql': 'create extension if not exists citext schema public; create table a (name citext)',
      '002_reset.sql': `set search_path to 't'; create table b (id int); reset search_path`,
    })
    const right = await db.up([], { UPFRONT_TENANT: 't' })
    expect(right.exitCode, right.stderr).toBe(0)
    await makeTenants(db, ['n'])
    db.files({ '001_ext.sql': 'create extension if not exists citext; create table a (name citext)' })
    const there = await db.up([], { UPFRONT_TENANT: 'n' })
    expect(there.exitCode, there.stderr).toBe(0)
    expect(await db.tables()).toEqual(expect.arrayContaining(['t.a', 't.b', 'n.a']))
  })
})

describe('the table of another tool', () => {
  const goose = { '00001_a.sql': '-- +goose Up\ncreate table a (id int);\n-- +goose Down\ndrop table a;' }
  const table = 'goose_db_version (id int generated by default as identity, version_id bigint, is_applied boolean, tstamp timestamp default now())' // prettier-ignore

  test('is written in the tenant’s schema, not in public, where it would speak for all tenants', async ({ db }) => {
    await makeTenants(db, ['t'])
    await db.query(`create table public.${table}; insert into public.goose_db_version (version_id) values (0)`)
    db.files(goose)
    const env = { UPFRONT_TENANT: 't', UPFRONT_WRITE_BACK: 'true', UPFRONT_ENV: 'test' }
    const versions = (schema: string) =>
      db
        .query<{ version_id: string }>(`select version_id from ${schema}.goose_db_version order by 1`)
        .then((rows) => rows.map((row) => row.version_id))
    const up = await db.up([], env)
    expect(up.exitCode, up.stderr).toBe(0)
    expect([await versions('t'), await versions('public')]).toEqual([['0', '1'], ['0']])
    await db.query('insert into public.goose_db_version (version_id) values (1)')
    expect((await db.run(['down'], env)).exitCode).toBe(0)
    expect([await versions('t'), await versions('public')]).toEqual([['0'], ['0', '1']])
  })

  test('that UPFRONT_ADOPT names without a schema is the tenant’s', async ({ db }) => {
    await makeTenants(db, ['Tenant "7"', 't'])
    await db.query(`create table "Tenant ""7""".done (name text); insert into "Tenant ""7""".done values ('001_a');
      create table public.done (name text); insert into public.done values ('001_a')`)
    db.files({ '001_a.sql': 'create table a (id int)' })
    for (const tenant of ['Tenant "7"', 't'])
      expect((await db.up([], { UPFRONT_TENANT: tenant, UPFRONT_ADOPT: 'done.name' })).exitCode).toBe(0)
    expect(await applied(db, 'Tenant "7"')).toEqual(['001_a adopted'])
    expect(await applied(db, 't')).toEqual(['001_a applied'])
  })
})

test('of a schema that does not exist no command says what up would not do', async ({ db }) => {
  db.files(files)
  const env = { UPFRONT_TENANT: 'Gone' }
  for (const command of ['plan', 'rehearse', 'doctor']) {
    const { exitCode, stdout, stderr } = await db.run([command], env)
    expect(exitCode, command).toBe(21)
    expect(stdout + stderr).toContain('no schema "Gone"')
  }
  expect((await db.run(['status'], env)).stderr).toContain('up ends with 21: this database has no schema "Gone"')
})

test('a DROP of what the tenant does not have takes nothing away in public, up or down', async ({ db }) => {
  await makeTenants(db, ['t', 'n'])
  await db.query('create table public.users (id int); create view public."Seen" as select 1 as one')
  const env = { UPFRONT_TENANT: 't', UPFRONT_ENV: 'test' }
  const create = 'create table users (id int); create table a (id int);\n'
  db.files({ '001_a.sql': `drop table if exists a, users;\ndrop view "Seen";\n${create}` })
  const refused = await db.up([], env)
  expect(refused.exitCode).toBe(20)
  for (const place of ['001_a.sql:1:1', '001_a.sql:2:1']) expect(refused.stderr).toContain(place)
  // What runs before may make it.
  db.files({
    '001_a.sql': `drop table if exists a;\n${create}drop table users;\n${create.split(';')[0]}`,
    '002_b.sql': 'drop table users; create table users (id int, b int);\n-- upfront:down\ndrop table users;',
  })
  const up = await db.up([], env)
  expect(up.exitCode, up.stderr).toBe(0)
  await db.query('drop table t.users')
  const down = await db.run(['down'], env)
  expect(down.exitCode).toBe(20)
  expect(down.stderr).toContain('the tenant has no users')
  expect(await db.tables()).toContain('public.users')
  await db.query('create table t.users ()')
  expect((await db.run(['down'], env)).exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.users', 't.a', 't.upfront_history', 't.upfront_runs'])
})

test.for<[string, string, string]>([
  ['behind a comment', '-- users anew\ndrop table if exists users', 'users'],
  ['with a comment in it', 'drop /* old */ table if exists users', 'users'],
  ['behind a longer name', 'drop table if exists users_roles; drop table if exists users', 'users'],
  ['of which others speak', 'alter table if exists users disable trigger user; drop table users', 'users'],
  ['of an index', 'drop index if exists users_id', 'users_id'],
  ['of a type', 'drop type if exists mood', 'mood'],
  ['of a function', 'drop function if exists now_of(int)', 'now_of'],
  ['of a trigger', 'drop trigger if exists touch on users', 'users'],
])('a DROP %s is seen', async ([, sql, name], { db }) => {
  await makeTenants(db, ['t'])
  await db.query(`create table public.users (id int); create index users_id on public.users (id);
    create type public.mood as enum ('good'); create function public.now_of(int) returns int language sql as 'select 1'`)
  db.files({ '001_a.sql': 'create table touched (id int)', '002_b.sql': sql })
  const refused = await db.up([], { UPFRONT_TENANT: 't' })
  expect(refused.exitCode, refused.stderr).toBe(20)
  expect(refused.stderr).toContain(`the tenant has no ${name}, so this would`)
  await db.query(`create table t.users (id int); create index users_id on t.users (id);
    create type t.mood as enum ('good'); create function t.now_of(int) returns int language sql as 'select 1'`)
  const own = await db.up([], { UPFRONT_TENANT: 't' })
  expect(own.exitCode, own.stderr).toBe(0)
})

test('a DROP of a name that the encoding has no letters for hides no other', async ({ db }) => {
  const name = `${db.name}_latin1`
  await db.query(`create database ${name} template template0 encoding 'LATIN1' locale 'C'`)
  try {
    const env = { UPFRONT_DATABASE_URL: db.urlOf({ database: name }), UPFRONT_TENANT: 'ä' }
    const client = await db.connect(env.UPFRONT_DATABASE_URL)
    await client.query('create schema "ä"; create table public."straße" (id int)')
    await client.end()
    db.files({ '001_a.sql': 'drop table if exists "日本"; drop table if exists "straße"' })
    const refused = await db.up([], env)
    expect(refused.exitCode, refused.stderr).toBe(20)
    expect(refused.stderr).toContain('the tenant has no straße')
  } finally {
    await db.query(`drop database ${name} with (force)`)
  }
})

test('a schema that somebody else has filled is called by its name, and so is the tenant of the way out', async ({
  db,
}) => {
  await makeTenants(db, ["o'neil", 't_2'])
  await db.query(`create table "o'neil".users (id int)`)
  await db.query('create table t_2.users (id int)')
  db.files(files)
  const { exitCode, stderr } = await db.up([], { UPFRONT_TENANT: "o'neil" })
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain("the schema o'neil has no history of ours")
  const [, command] = /record them as applied: (.*?) \(/.exec(stderr)!
  expect(command).toBe(`UPFRONT_TENANT='o'\\''neil' upfront baseline --to 001_users`)
  // Whose it is makes no other error of it.
  const fleet = await db.run(['fleet', 'up'], { UPFRONT_FLEET_SCHEMAS: "o'neil,t_2" })
  expect(fleet.exitCode, fleet.stderr).toBe(35)
  expect(fleet.stderr).toContain('2 × MISMATCH')
})
