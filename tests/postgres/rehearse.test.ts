import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { locksOf, ownShadow, rehearseJson, shadowed, workOf } from '../support/rehearse.ts'

const before = {
  '001_app.sql': `create schema app;
create table app.parent (id int primary key);
create table app.t (id int primary key, a int, b text, p int, d date);
create index t_a on app.t (a);
create view app.v as select id from app.t;`,
}

/** Everything that a rehearsal could have left on the target. */
async function traces(db: Database): Promise<string> {
  const rows = await db.query(
    `select (select json_agg(h order by id) from upfront.history h) as history, (select json_agg(r order by id) from upfront.runs r) as runs,
       (select json_agg(json_build_array(oid, relname, relfilenode, relacl, xmin) order by oid) from pg_class where oid >= 16384) as relations,
       (select json_agg(json_build_array(attrelid, attname, atttypid, attnotnull, xmin) order by attrelid, attnum) from pg_attribute where attrelid >= 16384) as columns,
       (select json_agg(json_build_array(oid, conname, convalidated) order by oid) from pg_constraint where oid >= 16384) as constraints`,
  )
  return JSON.stringify(rows)
}

const cases: readonly (readonly [sql: string, work: readonly string[], locks: readonly string[]])[] = [
  ['alter table app.t alter a type bigint', ['rewrites app.t'], ['ACCESS EXCLUSIVE app.t']],
  ['alter table app.t add x float default random()', ['rewrites app.t'], ['ACCESS EXCLUSIVE app.t']],
  ['alter table app.t add x int default 5', [], ['ACCESS EXCLUSIVE app.t']],
  ['alter table app.t alter a set not null', ['scans app.t'], ['ACCESS EXCLUSIVE app.t']],
  ['alter table app.t add check (a > 0)', ['scans app.t'], ['ACCESS EXCLUSIVE app.t']],
  ['alter table app.t add check (a > 0) not valid', [], ['ACCESS EXCLUSIVE app.t']],
  ['alter table app.t add foreign key (p) references app.parent', ['scans app.t'], ['SHARE ROW EXCLUSIVE app.parent', 'SHARE ROW EXCLUSIVE app.t']],
  ['alter table app.t add foreign key (p) references app.parent not valid', [], ['SHARE ROW EXCLUSIVE app.parent', 'SHARE ROW EXCLUSIVE app.t']],
  ['create index on app.t (b)', ['builds app.t'], ['SHARE app.t']],
  ['create unique index on app.t (b)', ['builds app.t'], ['SHARE app.t']],
  ['alter table app.t add unique (b)', ['builds app.t'], ['ACCESS EXCLUSIVE app.t', 'SHARE app.t']],
  ['reindex index app.t_a', ['builds app.t'], ['ACCESS EXCLUSIVE app.t_a', 'SHARE app.t']],
  ['drop index app.t_a', [], ['ACCESS EXCLUSIVE app.t', 'ACCESS EXCLUSIVE app.t_a']],
  ['alter index app.t_a rename to t_b', [], []],
  ['cluster app.t using t_a', ['rewrites app.t'], ['ACCESS EXCLUSIVE app.t', 'SHARE app.t']],
  ['truncate app.t', ['empties app.t'], ['ACCESS EXCLUSIVE app.t', 'SHARE app.t']],
  ['update app.t set a = 1', ['scans app.t'], []],
  ['update app.t set a = 1 where id = 5', [], []],
  ['delete from app.t', ['scans app.t'], []],
  ['insert into app.t values (1)', [], []],
  ['create or replace view app.v as select id from app.t', [], ['ACCESS EXCLUSIVE app.v']],
  ['create table app.n (id int primary key, p int references app.parent)', [], ['SHARE ROW EXCLUSIVE app.parent']],
  ['create table app.n (id int primary key, a int); alter table app.n alter a type bigint; create index on app.n (a)', [], []],
  [`do $$ begin execute 'alter table app.t alter d type text'; end $$`, ['rewrites app.t'], ['ACCESS EXCLUSIVE app.t']],
  [`do $$ begin lock app.t in exclusive mode; raise exception 'x'; exception when others then null; end $$`, [], []],
] // prettier-ignore

test('each statement is known by what it does to tables that are there, and by the locks that it holds', async ({
  db,
}) => {
  db.files(before)
  await db.up()
  for (const [sql, work, locks] of cases) {
    db.files({ ...before, '002_c.sql': `${sql};` })
    const { migrations } = await rehearseJson(db)
    const all = migrations[0]!.statements
    // The indexes of a table go along with it.
    const strong = all.flatMap(locksOf).filter((one) => locks.includes(one) || !/app\.(t|parent)_(a|pkey)$/.test(one))
    expect([...new Set(all.flatMap(workOf))].sort(), sql).toEqual([...work].sort())
    expect(strong.filter((one) => one !== 'SHARE app.t' || locks.includes(one)).sort(), sql).toEqual([...locks].sort())
  }
}, 120_000)

test('a validated check makes SET NOT NULL read nothing, and that is seen', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_check.sql': 'alter table app.t add constraint a_there check (a is not null) not valid;',
    '003_validate.sql': 'alter table app.t validate constraint a_there;',
    '004_not_null.sql': 'alter table app.t alter a set not null;',
  })
  const { migrations, level } = await rehearseJson(db)
  expect(migrations.map(({ statements }) => statements.flatMap(workOf))).toEqual([[], ['scans app.t'], []])
  expect(migrations[1]!.statements[0]!.locks).toEqual([
    expect.objectContaining({ relation: 'app.t', mode: 'SHARE UPDATE EXCLUSIVE', blocks: null, existing: true }),
  ])
  expect(level).toBe('ok')
})

test('nothing is left: not on the target, not on the server, not when it fails', async ({ db }) => {
  db.files(before)
  await db.up()
  const was = await traces(db)
  const shadow = await ownShadow(db)
  db.files({ ...before, '002_b.sql': 'alter table app.t add z int;\n  drop table app.gone;' })

  const { outcome, failed, migrations } = await rehearseJson(db, [], 22, shadow.env)

  expect(failed).toMatchObject({ code: 'FAILED', exit: 22, sqlstate: '42P01' })
  expect(migrations[0]).toMatchObject({ failed: { statement: 2, line: 2 }, statements: [{ line: 1 }] })
  expect(await traces(db)).toBe(was)
  expect(await shadow.databases()).toEqual([])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  // In the words that up uses, at the same place.
  const up = await db.up()
  expect(up.exitCode).toBe(22)
  const words = 'migration 002_b failed and was rolled back; nothing of it remains'
  for (const one of [up, outcome]) {
    expect(one.stderr).toContain(words)
    expect(one.stderr).toContain('migrations/002_b.sql:2:3')
    expect(one.stderr).toContain('ERROR 42P01: table "gone" does not exist')
  }
  expect(outcome.stderr).toContain('up would end with 22')
})

test('a signal in the middle takes the shadow away too', async ({ db }) => {
  db.files({ '001_slow.sql': 'create table slow (id int);\nselect pg_sleep(60);' })
  const shadow = await ownShadow(db)
  const child = db.spawn(['rehearse'], shadow.env)
  await expect.poll(() => db.query(`select 1 as one from pg_stat_activity where wait_event = 'PgSleep' and datname in (select datname from pg_database where datdba <> 10)`), { timeout: 10_000 }).toHaveLength(1) // prettier-ignore

  child.kill('SIGTERM')
  const { exitCode } = await child.ended
  expect(exitCode).toBe(143)
  expect(await shadow.databases()).toEqual([])
  expect(await db.history()).toBeNull()
})

test('locks are those that another session sees in pg_locks', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_held.sql': `alter table app.parent add x int;
alter table app.t add foreign key (p) references app.parent not valid;
lock table app.v in share row exclusive mode;
select pg_sleep(3);`,
  })
  const shadow = await ownShadow(db)
  const running = rehearseJson(db, [], 0, shadow.env)
  await expect.poll(shadow.databases, { timeout: 10_000 }).toHaveLength(1)
  const [name] = await shadow.databases()
  const witness = await db.connect(db.urlOf({ database: name! }))
  const ask = `select c.oid::regclass::text as relation, l.mode from pg_locks l join pg_class c on c.oid = l.relation
    where l.database = (select oid from pg_database where datname = current_database()) and l.pid <> pg_backend_pid()
      and l.relation >= 16384 and c.relkind in ('r', 'v') and l.pid in (select pid from pg_stat_activity where wait_event = 'PgSleep')`
  let seen: { relation: string; mode: string }[] = []
  await expect.poll(async () => (seen = (await witness.query(ask)).rows).length, { timeout: 10_000 }).toBeGreaterThan(0)
  await witness.end()
  const { migrations } = await running
  const said = migrations[0]!.statements.flatMap(({ locks }) => locks)
  const spell = (mode: string) =>
    mode
      .replace(/Lock$/, '')
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toUpperCase()
  const tables = new Set(['app.parent', 'app.t', 'app.v'])
  expect(said.filter(({ relation }) => tables.has(relation)).map(({ relation, mode }) => `${mode} ${relation}`).sort()).toEqual(seen.filter(({ relation }) => tables.has(relation)).map(({ relation, mode }) => `${spell(mode)} ${relation}`).sort()) // prettier-ignore
  // What was taken earlier is held together with what comes later.
  expect(migrations[0]!.statements.at(-1)!.held.map(({ relation }) => relation)).toEqual(expect.arrayContaining(['app.parent', 'app.t', 'app.v'])) // prettier-ignore
}, 30_000)

test('a danger is 28; what is large, and what is let pass, can be said', async ({ db }) => {
  db.files(before)
  await db.up()
  await db.query(`insert into app.t select i, i, repeat('x', 100) from generate_series(1, 20000) i; analyze app.t`)
  db.files({ ...before, '002_wide.sql': 'alter table app.parent add x int;\nalter table app.t alter a type bigint;' })

  const { verdicts, outcome, tables } = await rehearseJson(db, ['--large', '1MB'], 28)

  expect(verdicts[0]).toMatchObject({ level: 'danger', migration: '002_wide', line: 2 })
  expect(verdicts[0]!.words).toMatch(/^rewrites app\.t, about \d+(\.\d)? MB, while holding ACCESS EXCLUSIVE on app\.parent and app\.t: nobody can read or write app\.parent and app\.t until it commits$/) // prettier-ignore
  expect(outcome.stderr).toContain('(REFUSED, exit 28)')
  expect(tables[0]).toMatchObject({ name: 'app.t', rows: 20000 })
  const allowed = await db.run(['rehearse', '--large', '1MB', '--allow-danger'], shadowed(db))
  expect(allowed.exitCode, allowed.stderr).toBe(0)
  expect(allowed.stderr).toContain('warning        002_wide, line 2: rewrites app.t')
  expect((await rehearseJson(db, ['--large', '100MB'])).level).toBe('careful')
  expect((await db.run(['rehearse', '--large', 'huge'], shadowed(db))).exitCode).toBe(2)
  expect((await db.run(['rehearse', '--long', '5'], shadowed(db))).exitCode).toBe(2)
})

test('a lock that is held for long is a danger, whatever the size', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ ...before, '002_slow.sql': 'alter table app.t add x int; select pg_sleep(1.2);' })
  expect((await rehearseJson(db)).verdicts[0]).toMatchObject({ level: 'careful', words: expect.stringMatching(/^holds ACCESS EXCLUSIVE on app\.t for 1\.\d s in the rehearsal/) }) // prettier-ignore
  expect((await rehearseJson(db, ['--long', '1s'], 28)).level).toBe('danger')
})

test('what the pending migrations make themselves is no danger, however it is made', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_new.sql':
      'create table app.n (id int primary key, a int); insert into app.n select i, i from generate_series(1, 1000) i;',
    '003_change.sql': 'alter table app.n alter a type bigint; create index on app.n (a); lock table app.n;',
  })
  const { level, verdicts, schema } = await rehearseJson(db, ['--large', '0bytes', '--long', '1h'])
  expect(level).toBe('ok')
  expect(verdicts.map(({ words }) => words)).toEqual(['blocks nobody', 'blocks nobody'])
  expect(schema!.added.map(({ kind, name }) => `${kind} ${name}`)).toContain('table app.n')
})

test('nothing pending makes no database, and is 0', async ({ db }) => {
  db.files(before)
  await db.up()
  const { exitCode, stdout } = await db.run(['rehearse'], {
    UPFRONT_SHADOW_DATABASE_URL: 'postgres://a:b@127.0.0.1:1/none',
  })
  expect([exitCode, stdout.trim()]).toEqual([0, 'nothing is pending'])
  expect((await rehearseJson(db)).migrations).toEqual([])
})

test('what up would refuse, rehearse refuses', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ '001_app.sql': 'create schema other;' })
  expect((await db.run(['rehearse'], shadowed(db))).exitCode).toBe(21)
  db.files({ ...before, '002_x.sql': 'no sql' })
  expect((await db.run(['rehearse'], shadowed(db))).exitCode).toBe(20)
})

test('a role that may only read can rehearse on a shadow', async ({ db }) => {
  db.files(before)
  await db.up()
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on upfront.history to ${user}`)
  db.files({ ...before, '002_x.sql': 'alter table app.t add x int;' })
  const env = { ...shadowed(db), UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  const { exitCode, stdout, stderr } = await db.run(['rehearse'], env)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('takes ACCESS EXCLUSIVE on app.t, for a moment')
  expect(stdout).toMatch(/app\.t +\d+|app\.t +not counted yet/)
})

test('where the database looks for names, and partitions that no migration made, are as on the target', async ({
  db,
}) => {
  await db.query(`alter database ${db.name} set search_path = "Ä x", public`)
  const files = { '001_e.sql': 'create schema "Ä x"; create table e (id bigint, k int) partition by range (id);' }
  db.files(files)
  const env = { UPFRONT_SCHEMA: 'upfront' }
  expect((await db.up([], env)).exitCode).toBe(0)
  await db.query(`create schema "parts"; create table parts."1" partition of "Ä x".e for values from (0) to (10);
    create table parts.sub partition of "Ä x".e default partition by list (k); create table parts.leaf partition of parts.sub default`)
  db.files({ ...files, '002_w.sql': 'alter table e add x float default random();' })
  const { migrations, notes, verdicts } = await rehearseJson(db, ['--large', '0bytes'], 28)
  expect(notes.filter((one) => one.startsWith('partitions'))).toEqual([])
  expect(migrations[0]!.statements.flatMap(workOf).sort()).toEqual(['rewrites parts."1"', 'rewrites parts.leaf'])
  expect(verdicts[0]!.words).toMatch(/^rewrites "Ä x"\.e, about 0 bytes, while holding ACCESS EXCLUSIVE on "Ä x"\.e:/)
})

test('a file that is gone is told, and is named when the rest fails for it', async ({ db }) => {
  const files = { '001_a.sql': 'create table a (id int);', '002_b.sql': 'create table b (id int);' }
  db.files(files)
  await db.up()
  db.files({ '002_b.sql': files['002_b.sql'], '003_c.sql': 'alter table a add x int;' })
  const env = { ...shadowed(db), UPFRONT_MISSING: 'ignore' }
  const { exitCode, stderr, stdout } = await db.run(['rehearse'], env)
  expect(exitCode).toBe(22)
  expect(stdout).toContain(
    'note: applied on the target, and not in this bundle, so the shadow lacks what they made: 001_a',
  )
  expect(stderr).toContain('try --clone or --on-target')
})

test('repeatable migrations, COPY data, isolation and a role of the file are rehearsed as they run', async ({ db }) => {
  const { user } = await db.role('nologin')
  const files = { ...before, 'repeatable/v.sql': 'create or replace view app.r as select id from app.t;' }
  db.files(files)
  await db.up()
  db.files({
    ...files,
    'repeatable/v.sql': 'create or replace view app.r as select id, a from app.t;',
    '002_copy.sql':
      'create table app.c (id int, x text);\ncopy app.c from stdin;\n1\tä\n2\t\\N\n\\.\nalter table app.t add x int;',
    '003_role.sql': `grant usage, create on schema app to ${user}; set role ${user}; create table app.owned (id int); reset role;`,
    '004_iso.sql': 'begin isolation level serializable;\nalter table app.t add y int;\ncommit;',
  })
  const { migrations, notes } = await rehearseJson(db)
  expect(migrations.map(({ name, statements }) => `${name} ${statements.length}`)).toEqual(['002_copy 3', '003_role 4', '004_iso 1', 'repeatable/v 1']) // prettier-ignore
  expect(migrations[0]!.statements[2]!.line).toBe(6)
  expect(notes.join()).toContain('rehearsed as if new: repeatable/v')
})

test('without a shadow it is an embedded server, which has the roles of the target', async ({ db }) => {
  const { user } = await db.role('nologin')
  const files = { ...before, '002_grant.sql': `grant usage on schema app to ${user};` }
  db.files(files)
  await db.up()
  db.files({ ...files, '003_x.sql': `alter table app.t alter a type bigint; alter table app.t owner to ${user};` })
  const { exitCode, stdout, stderr } = await db.run(['rehearse', '--json'])
  expect(exitCode, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ on: 'embedded', migrations: [{ name: '003_x', failed: null }] })
})

test('what the target has applied and the shadow cannot run is said as that', async ({ db }) => {
  await db.query('create table by_hand (id int)')
  const files = { '001_a.sql': 'alter table by_hand add x int;' }
  db.files(files)
  await db.up()
  db.files({ ...files, '002_b.sql': 'alter table by_hand add y int;' })
  const shadow = await ownShadow(db)
  const { exitCode, stderr, stdout } = await db.run(['rehearse'], shadow.env)
  expect([exitCode, stdout]).toEqual([22, ''])
  expect(stderr).toContain('what the target has applied does not run on the shadow, so nothing was rehearsed')
  expect(stderr).toContain('--on-target')
  expect(await shadow.databases()).toEqual([])
})

test('many small ones share a message, and one that fails among them is told as it would be alone', async ({ db }) => {
  db.files(before)
  await db.up()
  const small = (i: number) => `create table s${i} (id int);\nalter table app.t add s${i} int;`
  const files = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [`${String(i + 2).padStart(3, '0')}_s.sql`, small(i)]),
  )
  db.files({ ...before, ...files, '020_s.sql': 'select 1;\n select 1 / 0;' })
  const { migrations, failed, outcome } = await rehearseJson(db, [], 22)
  expect(migrations).toHaveLength(19)
  expect(migrations[7]!.statements.map(locksOf)).toEqual([[], ['ACCESS EXCLUSIVE app.t']])
  expect(new Set(migrations.slice(0, 18).map(({ statements }) => statements[0]!.transaction)).size).toBe(18)
  expect(failed).toMatchObject({ sqlstate: '22012' })
  expect(migrations[18]).toMatchObject({ name: '020_s', failed: { statement: 2, line: 2 }, statements: [{ line: 1 }] })
  expect(outcome.stderr).toContain('migrations/020_s.sql:2:2')
})
