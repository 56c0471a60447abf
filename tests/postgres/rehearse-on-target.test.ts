import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Database, test } from '../support/database.ts'
import { rehearseJson, workOf } from '../support/rehearse.ts'

const before = {
  '001_app.sql': 'create table parent (id int primary key); create table t (id int primary key, a int, p int);',
}

async function shape(db: Database): Promise<unknown> {
  return db.query(
    `select (select json_agg(json_build_array(oid, relname, relfilenode, xmin) order by oid) from pg_class where oid >= 16384) as relations,
       (select json_agg(h order by id) from upfront.history h) as history, (select json_agg(r order by id) from upfront.runs r) as runs,
       (select json_agg(t) from t) as rows`,
  )
}

test('all of it is measured in one transaction of the target, and rolled back', async ({ db }) => {
  db.files(before)
  await db.up()
  await db.query('insert into t select i, i from generate_series(1, 1000) i; analyze t')
  const was = await shape(db)
  db.files({
    ...before,
    '002_a.sql': 'alter table t alter a type bigint; create table made (id int);',
    '003_b.sql': `set search_path = pg_catalog; alter table public.made add x int; update public.t set a = 2;`,
    '004_c.sql': 'alter table t add unique (a) deferrable initially deferred;',
  })
  const { on, migrations, schema, notes, failed } = await rehearseJson(db, ['--on-target'], 22)
  expect(on).toBe('target')
  // Every a is 2, which a unique constraint does not bear.
  expect(failed).toMatchObject({ exit: 22, sqlstate: '23505' })
  expect(schema).toBeNull()
  expect(migrations.map(({ statements }) => statements.flatMap(workOf))).toEqual([['rewrites public.t'], ['scans public.t'], []]) // prettier-ignore
  expect(notes.join()).toContain('one transaction')
  expect(await shape(db)).toEqual(was)

  const { migrations: two, schema: becomes } = await rehearseJson(db, ['--on-target', '--to', '003_b'])
  expect(two.map(({ name }) => name)).toEqual(['002_a', '003_b'])
  expect(becomes!.added.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['table public.made'])
  expect(becomes!.changed.map(({ name }) => name)).toEqual(['public.t.a'])
  expect(await shape(db)).toEqual(was)
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('what is checked at the commit is checked, though nothing is committed', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_d.sql':
      'alter table t add foreign key (p) references parent deferrable initially deferred; insert into t (id, p) values (1, 7);',
  })
  const { outcome } = await rehearseJson(db, ['--on-target'], 22)
  expect(outcome.stderr).toContain('violates foreign key constraint')
  expect(await db.query('select from t')).toEqual([])
})

test('it neither queues behind others nor keeps them waiting: blocked, it says by whom, and leaves', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ ...before, '002_a.sql': 'alter table t add x int;' })
  const other = await db.connect()
  await other.query(`set application_name = 'sign-in'; begin; select from t`)
  const begun = performance.now()
  const { outcome, migrations } = await rehearseJson(db, ['--on-target'], 33)
  expect(performance.now() - begun).toBeLessThan(5_000)
  expect(outcome.stderr).toMatch(/blocked by pid \d+ \(sign-in, /)
  expect(migrations[0]!.failed).toMatchObject({ statement: 1 })
  await other.query('select from t')
})

test('it ends when others have been kept waiting for long, and says that it would have gone on', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ ...before, '002_a.sql': 'alter table t add x int; select pg_sleep(60);' })
  const begun = performance.now()
  const { outcome, level } = await rehearseJson(db, ['--on-target', '--long', '1s'], 28)
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(level).toBe('danger')
  expect(outcome.stderr).toContain('002_a was not done after 1 s on the target, and was rolled back')
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('a signal rolls it back', async ({ db }) => {
  db.files(before)
  await db.up()
  const was = await shape(db)
  db.files({ ...before, '002_a.sql': 'alter table t add x int; select pg_sleep(60);' })
  const child = db.spawn(['rehearse', '--on-target', '--long', '1m'])
  await expect.poll(() => db.query(`select 1 as one from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`), { timeout: 10_000 }).toHaveLength(1) // prettier-ignore
  child.kill('SIGTERM')
  expect((await child.ended).exitCode).toBe(143)
  await expect.poll(() => shape(db), { timeout: 10_000 }).toEqual(was)
})

test('what cannot be rolled back is refused before anything is locked', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_a.sql': 'alter table t add x int;',
    '003_i.sql': 'create index concurrently t_a on t (a);',
    '004_m.ts': 'export async function up(client) { await client.query("commit") }',
  })
  const { exitCode, stderr, stdout } = await db.run(['rehearse', '--on-target'])
  expect(exitCode).toBe(28)
  expect(stdout).toBe('')
  expect(stderr).toContain('003_i: it runs outside a transaction')
  expect(stderr).toContain('004_m: it is code, which may commit')
  expect((await rehearseJson(db, ['--on-target', '--to', '002_a'])).migrations).toHaveLength(1)
})

test('another runner at work is 31, and --clone beside it is no sense', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ ...before, '002_a.sql': 'alter table t add x int;' })
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await db.run(['rehearse', '--on-target'])).exitCode).toBe(31)
  expect((await db.run(['rehearse', '--on-target', '--clone'])).exitCode).toBe(2)
})

test('a sequence that is set would stay set, so that is refused', async ({ db }) => {
  const files = { '001_s.sql': 'create sequence s;' }
  db.files(files)
  await db.up()
  await db.query(`select setval('s', 500)`)
  db.files({ ...files, '002_a.sql': `do $$ begin perform pg_catalog.SETVAL ('s', 3); end $$;` })
  const { exitCode, stderr } = await db.run(['rehearse', '--on-target'])
  expect([exitCode, await db.query('select last_value from s')]).toEqual([28, [{ last_value: '500' }]])
  expect(stderr).toContain('002_a: it sets a sequence (setval), which no rollback undoes')
})

test('what one migration has deferred is checked before the next, as at its commit, and may be deferred again', async ({
  db,
}) => {
  const files = {
    ...before,
    '002_f.sql': 'alter table t add constraint "of P" foreign key (p) references parent deferrable initially deferred;',
  }
  db.files(files)
  await db.up()
  const good = {
    '003_i.sql': 'insert into t (id, p) values (1, 7); insert into parent values (7);',
    '004_c.sql': 'alter table t add z int; insert into t (id, p) values (2, 8); insert into parent values (8);',
    '005_c.sql': 'alter table t add y int;',
  }
  db.files({ ...files, ...good })
  expect((await rehearseJson(db, ['--on-target'])).failed).toBeNull()
  db.files({ ...files, ...good, '003_i.sql': 'insert into t (id, p) values (1, 7);' })
  const { failed, migrations } = await rehearseJson(db, ['--on-target'], 22)
  expect([failed!.sqlstate, migrations.length]).toEqual(['23503', 1])
  db.files({ ...files, ...good })
  expect((await db.up()).exitCode).toBe(0)
})

test('what only one transaction cannot do is no fault of the migration', async ({ db }) => {
  const files = { '001_e.sql': `create type e as enum ('a');` }
  db.files(files)
  await db.up()
  db.files({
    ...files,
    '002_a.sql': `alter type e add value 'b';`,
    '003_b.sql': `create table q (e e default 'b'); insert into q default values;`,
  })
  const { exitCode, stderr } = await db.run(['rehearse', '--on-target'])
  expect(exitCode).toBe(28)
  expect(stderr).toContain('003_b uses what an earlier migration adds to an enum')
  expect((await rehearseJson(db)).failed).toBeNull()
})

test('a file that would wait longer for a lock gives way after a second too', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ ...before, '002_a.sql': `set lock_timeout = '1min'; alter table t add x int;` })
  const other = await db.connect()
  await other.query('begin; select from t')
  const begun = performance.now()
  await rehearseJson(db, ['--on-target', '--long', '20s'], 33)
  expect(performance.now() - begun).toBeLessThan(5_000)
})

test('the isolation level that they ask for is that of the transaction, or it is said that it was not', async ({
  db,
}) => {
  db.files(before)
  await db.up()
  const asks = (level: string) => `set transaction isolation level ${level};\ndo $$ begin assert current_setting('transaction_isolation') = '${level}'; end $$;` // prettier-ignore
  db.files({ ...before, '002_a.sql': asks('serializable'), '003_b.sql': asks('serializable') })
  expect((await rehearseJson(db, ['--on-target'])).notes.join()).not.toContain('isolation')
  db.files({
    ...before,
    '002_a.sql': asks('read committed').replace('read committed', 'serializable'),
    '003_b.sql': 'select 1;',
  })
  expect((await rehearseJson(db, ['--on-target'])).notes.join()).toContain('one transaction: 002_a')
})
