import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { checksum } from '../../src/folder/text.ts'
import { type Database, test } from '../support/database.ts'

const files = {
  '1_app.sql': `create schema app;
    create table app.users (id bigint generated always as identity primary key, email text not null unique);
-- upfront:down
    drop table app.users; drop schema app;`,
  '2_orders.sql': `create table app.orders (id bigint primary key, user_id bigint not null references app.users);
    create index orders_user on app.orders (user_id);`,
  '3_view.sql': `create view app.buyers as select u.email from app.users u join app.orders o on o.user_id = u.id`,
}

/** Compiles the files with their schema; answers the environment of a run from that bundle. */
async function compile(db: Database, some: Readonly<Record<string, string>> = files, on = shadow()) {
  db.files(some)
  const { exitCode, stderr, stdout } = await db.run(['compile', '--schema', '--out', 'bundle'], on)
  expect(exitCode, stderr).toBe(0)
  return { stdout, stderr, env: { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') } }
}

const shadow = () => ({ UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') })

test('compile --schema says what the migrations make, and leaves nothing on the server', async ({ db }) => {
  const { user, password } = await db.role('login createdb')
  const own = { UPFRONT_SHADOW_DATABASE_URL: db.urlOf({ user, password, database: 'postgres' }) }
  const { stdout } = await compile(db, files, own)
  expect(stdout).toMatch(
    /3 migrations compiled into bundle; on an empty PostgreSQL \d+ they make a schema of \d+ objects/,
  )
  expect(await db.query(`select datname from pg_database where datdba = '${user}'::regrole`)).toEqual([])
  const story = JSON.parse(fs.readFileSync(join(db.dir, 'bundle/migrations/schema.json'), 'utf8'))
  expect(story.steps.map(({ migration }: { migration: string }) => migration)).toEqual(['1_app', '2_orders', '3_view'])
  // The same files give the same bytes.
  const before = fs.readFileSync(join(db.dir, 'bundle/migrations/schema.json'), 'utf8')
  await compile(db, files, own)
  expect(fs.readFileSync(join(db.dir, 'bundle/migrations/schema.json'), 'utf8')).toBe(before)
})

test('after up the schema is the one of the bundle, and status says when that was seen', async ({ db }) => {
  const { env } = await compile(db)
  const up = await db.up([], env)
  expect(up.exitCode, up.stderr).toBe(0)
  expect(up.stderr).toMatch(/^verified +\d+ objects as the migrations make them/m)
  const { exitCode, stdout, stderr } = await db.run(['verify'], env)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toMatch(/^\d+ objects are as the migrations make them\n$/)
  const status = await db.run(['status'], env)
  expect(status.stdout).toMatch(/^schema verified 20\d\d-.*Z: as the migrations make it$/m)
})

test('a column that somebody dropped by hand is found and named', async ({ db }) => {
  const { env } = await compile(db)
  await db.up([], env)
  await db.query('drop view app.buyers; alter table app.users drop column email; create table app.scratch (a int)')
  await db.query('drop index app.orders_user; create index orders_user on app.orders (user_id desc)')
  const { exitCode, stdout, stderr } = await db.run(['verify'], env)
  expect(exitCode).toBe(27)
  expect(stdout).toMatch(/^missing +column app\.users\.email +text not null$/m)
  expect(stdout).toMatch(/^missing +view app\.buyers/m)
  expect(stdout).toMatch(/^different +index app\.orders_user +expected .*\(user_id\)$/m)
  expect(stdout).toMatch(/^ +found .*\(user_id DESC\)$/m)
  expect(stdout).toMatch(/^unexpected +table app\.scratch$/m)
  expect(stderr).toContain('the live schema is not the one that the bundle makes')
  // It reads, and nothing else: the next answer is the same.
  expect((await db.run(['verify', '--json'], env)).exitCode).toBe(27)
})

test('as data it has the same with both sides', async ({ db }) => {
  const { env } = await compile(db)
  await db.up([], env)
  await db.query('alter table app.users alter column email drop not null')
  const { stdout, exitCode } = await db.run(['verify', '--json'], env)
  expect(exitCode).toBe(27)
  expect(JSON.parse(stdout)).toMatchObject({
    same: false,
    up_to: null,
    missing: [],
    unexpected: [],
    different: [{ kind: 'column', name: 'app.users.email', expected: 'text not null', found: 'text' }],
    unseen: [],
  })
})

test('a history that is full over tables and columns that are not there: all are named', async ({ db }) => {
  const columns = Array.from({ length: 22 }, (_, i) => `c${i} int`)
  const { env } = await compile(db, {
    '1_wide.sql': `create table wide (id int primary key, ${columns.join(', ')})`,
    '2_two.sql': 'create table two (id int primary key, note text)',
    '3_three.sql': 'create table three (id int primary key, two int references two)',
  })
  await db.up([], env)
  await db.query(
    `drop table three; drop table two; alter table wide ${columns.map((one) => `drop column ${one.split(' ')[0]}`).join(', ')}`,
  )
  const { exitCode, stdout } = await db.run(['verify', '--json'], env)
  expect(exitCode).toBe(27)
  const { missing } = JSON.parse(stdout) as { missing: { kind: string; name: string }[] }
  expect(missing.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(
    [
      'table public.three',
      'table public.two',
      ...columns.map((one) => `column public.wide.${one.split(' ')[0]}`),
    ].sort(),
  )
})

test('up warns of what differs, and with UPFRONT_VERIFY=fail it ends with 27, now and at the next start', async ({
  db,
}) => {
  const first = await compile(db, { '1_app.sql': files['1_app.sql'] })
  await db.up([], first.env)
  await db.query('alter table app.users add column extra int')
  const second = await compile(db, { '1_app.sql': files['1_app.sql'], '2_orders.sql': files['2_orders.sql'] })
  const fail = { ...second.env, UPFRONT_VERIFY: 'fail', UPFRONT_SEED: 'demo' }
  db.seeds({ '1_s.sql': 'create table seeded (a int)' })
  const strict = await db.up([], fail)
  expect(strict.exitCode, strict.stderr).toBe(27)
  expect(strict.applied).toEqual(['2_orders'])
  expect(strict.stderr).toContain('unexpected column app.users.extra')
  expect(await db.tables()).not.toContain('public.seeded')
  // The next start has nothing to apply, and must not call it right.
  expect((await db.up([], { ...second.env, UPFRONT_VERIFY: 'fail' })).exitCode).toBe(27)
  const status = await db.run(['status'], second.env)
  expect(status.stdout).toMatch(/^schema verified .*: 1 unexpected$/m)
  const lenient = await db.up([], second.env)
  expect(lenient.exitCode).toBe(0)
  expect(lenient.stderr).toMatch(/^drift +the live schema differs in 1 thing/m)
  await db.query('alter table app.users drop column extra')
  expect((await db.run(['verify'], second.env)).exitCode).toBe(0)
})

test('UPFRONT_VERIFY=fail for migrations without their schema is told before anything is applied', async ({ db }) => {
  db.files(files)
  const { exitCode, stderr } = await db.up([], { UPFRONT_VERIFY: 'fail' })
  expect(exitCode).toBe(2)
  expect(stderr).toContain('compile --schema')
  expect(await db.history()).toBeNull()
})

test('UPFRONT_VERIFY=off looks at nothing', async ({ db }) => {
  const { env } = await compile(db)
  const { stderr } = await db.up([], { ...env, UPFRONT_VERIFY: 'off' })
  expect(stderr).not.toContain('verified')
  expect((await db.run(['status'], env)).stdout).not.toContain('verified')
})

test('what the bundle does not claim can be excluded, and owners, grants and comments can be asked for', async ({
  db,
}) => {
  const { env } = await compile(db)
  await db.up([], env)
  await db.query('create schema audit; create table audit.log (a int); create table app.tmp_1 (a int)')
  await db.query(`comment on table app.users is 'people'`)
  expect((await db.run(['verify'], env)).exitCode).toBe(27)
  const excluded = { ...env, UPFRONT_VERIFY_EXCLUDE: 'audit, app.tmp_*' }
  expect((await db.run(['verify'], excluded)).exitCode).toBe(0)
  const asked = await db.run(['verify', '--verify-also', 'comments'], excluded)
  expect(asked.exitCode).toBe(27)
  expect(asked.stdout).toContain('people')
  expect((await db.run(['verify', '--verify-also', 'coments'], env)).exitCode).toBe(2)
})

test('with migrations pending, the schema of the last one that is applied is what counts', async ({ db }) => {
  const { env } = await compile(db)
  await db.up(['--to', '2_orders'], env)
  const { exitCode, stdout } = await db.run(['verify'], env)
  expect(exitCode, stdout).toBe(0)
  expect(stdout).toContain('as the migrations up to 2_orders (1 pending) make them')
})

test('a view that is to be made anew is no stranger while it has its earlier form', async ({ db }) => {
  const view = (columns: string) => ({
    'repeatable/people.sql': `create or replace view people as select ${columns} from t`,
  })
  const tables = { '1_t.sql': 'create table t (id int, note text)' }
  const first = await compile(db, { ...tables, ...view('id') })
  await db.up([], first.env)
  expect((await db.run(['verify'], first.env)).exitCode).toBe(0)
  const second = await compile(db, { ...tables, ...view('id, note') })
  const { exitCode, stdout } = await db.run(['verify'], second.env)
  expect(exitCode, stdout).toBe(0)
  expect(stdout).toContain('(1 pending)')
  await db.up([], second.env)
  expect((await db.run(['verify'], second.env)).exitCode).toBe(0)
})

test('a database without our history has nothing to be verified: 34, and not success', async ({ db }) => {
  const { env } = await compile(db)
  await db.query('create schema app; create table app.users (id int)')
  const { exitCode, stderr } = await db.run(['verify'], env)
  expect(exitCode).toBe(34)
  expect(stderr).toContain('upfront baseline')
})

test('a newer image has applied more: the older one does not know that schema', async ({ db }) => {
  const newer = await compile(db)
  await db.up([], newer.env)
  const { '3_view.sql': _, ...older } = files
  const { env } = await compile(db, older)
  const { exitCode, stderr } = await db.run(['verify'], env)
  expect(exitCode).toBe(21)
  expect(stderr).toContain('3_view')
})

test('a schema that is not the one that was compiled is a damaged bundle', async ({ db }) => {
  const { env } = await compile(db)
  await db.up([], env)
  const path = join(env.UPFRONT_MIGRATIONS_DIR, 'schema.json')
  const text = fs.readFileSync(path, 'utf8')
  fs.writeFileSync(path, text.replace('orders_user', 'orders_other'))
  expect(await db.run(['verify'], env)).toMatchObject({ exitCode: 20, stderr: expect.stringContaining('schema.json') })
  fs.rmSync(path)
  expect(await db.run(['verify'], env)).toMatchObject({ exitCode: 20, stderr: expect.stringContaining('missing') })
  // A start with nothing to do does not even look.
  expect((await db.up([], env)).exitCode).toBe(0)
})

test('a folder of sources is verified too, when there is a server to find out what it makes', async ({ db }) => {
  db.files(files)
  await db.up()
  expect((await db.run(['verify'], shadow())).exitCode).toBe(0)
  await db.query('drop view app.buyers')
  expect((await db.run(['verify'], shadow())).exitCode).toBe(27)
})

test('baseline does not record what is not there', async ({ db }) => {
  const { env } = await compile(db)
  await db.query(
    `create schema app; create table app.users (id bigint generated always as identity primary key, email text not null unique)`,
  )
  const faked = await db.run(['baseline', '--to', '2_orders'], env)
  expect(faked.exitCode).toBe(27)
  expect(faked.stderr).toContain('missing table app.orders')
  expect(await db.history()).toBeNull()
  const right = await db.run(['baseline', '--to', '1_app'], env)
  expect(right.exitCode, right.stderr).toBe(0)
  const forced = await db.run(['baseline', '--to', '2_orders', '--against-catalog'], env)
  expect(forced.exitCode, forced.stderr).toBe(0)
})

test('what another tool says it has applied is proved before it is adopted: 27 with fail, else it is said', async ({
  db,
}) => {
  const file = (sql: string) => `-- migrate:up\n${sql}\n-- migrate:down\nselect 1;\n`
  const { env } = await compile(db, {
    '20250101000000_a.sql': file('create table a (id int, note text);'),
    '20250102000000_b.sql': file('create table b (id int);'),
  })
  await db.query('create table a (id int); create table schema_migrations (version varchar primary key)')
  await db.query(`insert into schema_migrations values ('20250101000000')`)
  const strict = await db.up([], { ...env, UPFRONT_VERIFY: 'fail' })
  expect(strict.exitCode, strict.stderr).toBe(27)
  expect(strict.stderr).toContain('missing column public.a.note: text')
  expect(await db.tables()).not.toContain('public.b')
  expect(await db.query('select 1 from upfront.history')).toEqual([])
  const lenient = await db.up([], env)
  expect(lenient.exitCode, lenient.stderr).toBe(0)
  expect(lenient.stderr).toMatch(/^drift +the live schema differs in 1 thing/m)
  await db.query('alter table a add column note text')
  // The tool's own table is none of the things that count.
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
})

test('a role that may not see everything is told what, and that is no success', async ({ db }) => {
  const { env } = await compile(db)
  await db.up([], env)
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on all tables in schema upfront to ${user}`)
  const as = { ...env, UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  expect((await db.run(['verify'], as)).exitCode).toBe(0)
  await db.query('revoke select on pg_catalog.pg_policy from public')
  const { exitCode, stdout, stderr } = await db.run(['verify', '--json'], as)
  expect(exitCode, stderr).toBe(24)
  expect(JSON.parse(stdout)).toMatchObject({ same: false, missing: [], unexpected: [], different: [] })
  expect(stderr).toContain('pg_policy')
})

test('a schema of another format is not read as if it were ours', async ({ db }) => {
  const { env } = await compile(db)
  await db.up([], env)
  const [schema, manifest] = ['schema.json', 'manifest.json'].map((name) => join(env.UPFRONT_MIGRATIONS_DIR, name))
  const text = fs.readFileSync(schema!, 'utf8').replace('"format":1', '"format":2')
  fs.writeFileSync(schema!, text)
  const head = fs.readFileSync(manifest!, 'utf8').replace(/"schema":"[^"]+"/, `"schema":"${checksum(text)}"`)
  fs.writeFileSync(manifest!, head)
  const { exitCode, stderr } = await db.run(['verify'], env)
  expect(exitCode).toBe(20)
  expect(stderr).toContain('format 2 is not 1')
})

test('compile --schema runs each down and the migration again', async ({ db }) => {
  db.files({ '1_a.sql': 'create table a (id int);\n-- upfront:down\ndrop table b;' })
  const broken = await db.run(['compile', '--schema'], shadow())
  expect(broken.exitCode).toBe(20)
  expect(broken.stderr).toMatch(/down of 1_a.*\n[^]*table "b" does not exist/)
  db.files({ '1_a.sql': "create table a (id int); create type mood as enum ('ok');\n-- upfront:down\ndrop table a;" })
  const again = await db.run(['compile', '--schema'], shadow())
  expect(again.exitCode).toBe(20)
  expect(again.stderr).toContain('"mood" already exists')
  db.files({ '1_a.sql': 'create table if not exists a (id int);\n-- upfront:down\nselect 1;' })
  const left = await db.run(['compile', '--schema'], shadow())
  expect(left.exitCode).toBe(0)
  expect(left.stderr).toContain('the down of 1_a does not lead back to where it came from: unexpected table public.a')
})

test("another tool's downs are run as well, and what is wrong with them stops nothing", async ({ db }) => {
  const down = (sql: string) => `-- migrate:up\ncreate table NAME (id int);\n-- migrate:down\n${sql}\n`
  db.files({
    '1_a.sql': down('drop table a;').replace('NAME', 'a'),
    '2_b.sql': down('drop table no_such;').replace('NAME', 'b'),
    '3_c.sql': down('drop table c;').replace('NAME', 'c'),
  })
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle'], shadow())
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^warning +the down of 2_b: .*table "no_such" does not exist/m)
  expect((await db.up([], { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') })).stderr).toMatch(/^verified/m)
  db.files({ '1_a.sql': down('select 1;').replace('NAME', 'a'), '2_b.sql': down('select 1;').replace('NAME', 'b') })
  expect((await db.run(['compile', '--schema'], shadow())).stderr).toContain(
    'the down of 2_b does not lead back to where it came from: unexpected table public.b',
  )
})

test('what comes before the first migration has its own mistakes', async ({ db }) => {
  db.files({ '1_a.sql': 'create table a (id int)' })
  fs.writeFileSync(join(db.dir, 'platform.sql'), 'create role postgres')
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--before', 'platform.sql'], shadow())
  expect(exitCode).toBe(20)
  expect(stderr).toMatch(/--before does not run[^]*42710/)
  expect((await db.run(['compile', '--schema', '--before', 'none.sql'], shadow())).exitCode).toBe(2)
})

test('a shadow server that is not there, or lets nobody make a database, is told as what it is', async ({ db }) => {
  db.files(files)
  const compileOn = (url: string) =>
    db.run(['compile', '--schema'], { UPFRONT_SHADOW_DATABASE_URL: url, UPFRONT_WAIT_TIMEOUT: '1s' })
  const nobody = await compileOn(db.urlOf({ port: 1, database: 'postgres' }))
  expect(nobody.exitCode, nobody.stderr).toBe(30)
  expect(nobody.stderr).toContain('ECONNREFUSED 127.0.0.1:1')
  expect(nobody.stderr).toMatch(/^waiting/m)
  const { user, password } = await db.role()
  const weak = await compileOn(db.urlOf({ user, password, database: 'postgres' }))
  expect(weak.exitCode, weak.stderr).toBe(24)
  expect(weak.stderr).toContain(`the role ${user} may not create a database`)
  expect(weak.stderr).toContain(`alter role "${user}" createdb;`)
  expect(weak.stderr).not.toContain(password)
})

test('in the image, which has no Postgres of its own, it says so and names the ways', async ({ db }) => {
  db.files(files)
  const { exitCode, stderr } = await db.run(['compile', '--schema'], { UPFRONT_IMAGE: '0.1.0' })
  expect(exitCode).toBe(2)
  expect(stderr).toContain('UPFRONT_SHADOW_DATABASE_URL')
  expect(stderr).not.toContain('npm install')
  expect((await db.run(['compile', '--before', 'platform.sql'])).exitCode).toBe(2)
})

test('a migration that does not run on an empty server is a mistake with its place', async ({ db }) => {
  db.files({ '1_a.sql': 'create table a (id int);\n\nalter table b add column c int;' })
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle'], shadow())
  expect(exitCode).toBe(20)
  expect(stderr).toMatch(/1_a\.sql:3:/)
  expect(stderr).toContain('42P01')
  expect(fs.existsSync(join(db.dir, 'bundle'))).toBe(false)
})

test("what the platform makes comes first and is nobody's claim", async ({ db }) => {
  db.files({ '1_a.sql': 'create table auth.own (id int references auth.users)' })
  fs.writeFileSync(join(db.dir, 'platform.sql'), 'create schema auth; create table auth.users (id int primary key)')
  const args = ['compile', '--schema', '--before', 'platform.sql', '--out', 'bundle']
  const compiled = await db.run(args, shadow())
  expect(compiled.exitCode, compiled.stderr).toBe(0)
  const { steps } = JSON.parse(fs.readFileSync(join(db.dir, 'bundle/migrations/schema.json'), 'utf8'))
  const names = steps[0].put.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)
  expect(names).toContain('table auth.own')
  expect(names.filter((name: string) => /users/.test(name))).toEqual([])
  const env = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
  await db.query('create schema auth; create table auth.users (id int primary key); create table auth.more (a int)')
  await db.up([], env)
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
})
