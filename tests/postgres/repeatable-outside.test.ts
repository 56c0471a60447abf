// Flyway runs an R__ file outside a transaction where its .conf says so, or a statement in it needs that: so does Upfront.
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, type Files, test } from '../support/database.ts'

const base = { 'V1__t.sql': 'create table t (id int, name text);\ncreate table log (n int, what text);\n' }
const outside = { 'R__again.sql.conf': 'executeInTransaction=false\n' }
const noting = (...what: readonly string[]) =>
  what.map((one, n) => (one.includes(' ') ? one : `insert into log values (${n}, '${one}');`)).join('\n')
const again = (...what: readonly string[]): Files => ({ ...base, ...outside, 'R__again.sql': noting(...what) })
const logged = async (db: Database) =>
  (await db.query<{ what: string }>('select what from log order by ctid')).map(({ what }) => what)
const rowOf = async (db: Database) =>
  (await db.query(`select state, statements_done from upfront.history where kind = 'repeatable'`))[0]

describe('it runs', () => {
  test('by its .conf, again whenever it has changed, and never in between', async ({ db }) => {
    db.files(again('a', 'vacuum t;', 'b'))
    const first = await db.up()
    expect(first.exitCode, first.stderr).toBe(0)
    expect(first.applied).toEqual(['V1__t', 'R__again'])
    expect((await db.up()).stderr).toContain('up to date')
    db.files(again('a', 'vacuum t;', 'c'))
    expect((await db.up()).applied).toEqual(['R__again'])
    expect(await logged(db)).toEqual(['a', 'b', 'a', 'c'])
    expect(await db.history()).toEqual(['migration V1__t applied', 'repeatable R__again applied'])
  })

  test('by a statement that no transaction may hold', async ({ db }) => {
    const index = (column: string) =>
      `drop index concurrently if exists i;\ncreate index concurrently i on t (${column});\n`
    db.files({ ...base, 'R__index.sql': index('id') })
    expect((await db.up()).exitCode).toBe(0)
    db.files({ ...base, 'R__index.sql': index('name') })
    const { exitCode, stderr, applied } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['R__index'])
    expect(await db.query(`select indexdef from pg_indexes where indexname = 'i'`)).toEqual([
      { indexdef: 'CREATE INDEX i ON public.t USING btree (name)' },
    ])
  })

  test('from a bundle', async ({ db }) => {
    db.files(again('a', 'vacuum t;'))
    const compiled = await db.run(['compile', '--out', 'bundle'])
    expect(compiled.exitCode, compiled.stderr).toBe(0)
    const bundle = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
    expect((await db.up([], bundle)).applied).toEqual(['V1__t', 'R__again'])
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('with the row that flyway would have written', async ({ db }) => {
    db.files(again('vacuum t;'))
    expect((await db.up([], { UPFRONT_WRITE_BACK: 'true' })).exitCode).toBe(0)
    expect(await db.query('select script, success from flyway_schema_history order by installed_rank')).toEqual([
      { script: 'V1__t.sql', success: true },
      { script: 'R__again.sql', success: true },
    ])
  })
})

describe('one that stopped half way', () => {
  const broken = again('a', 'select 1 / 0;', 'b')

  test('is 23, and goes on where it stopped as long as its beginning is the same', async ({ db }) => {
    db.files(broken)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('R__again.sql:2:1')
    expect(await rowOf(db)).toEqual({ state: 'running', statements_done: 1 })
    db.files(again('a', 'select 1;', 'b'))
    expect((await db.run(['plan'])).stdout).toContain('R__again (statement by statement, from statement 2 on)')
    expect((await db.up()).exitCode).toBe(0)
    expect(await logged(db)).toEqual(['a', 'b'])
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('begins anew when its beginning is another one, because it may run again', async ({ db }) => {
    db.files(broken)
    expect((await db.up()).exitCode).toBe(23)
    db.files(again('z', 'select 1;', 'b'))
    expect((await db.run(['plan'])).stdout).toContain('R__again (statement by statement)')
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await logged(db)).toEqual(['a', 'z', 'b'])
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('goes on after it was killed', async ({ db }) => {
    db.files(again('a', `select pg_sleep(60) where not exists (select from log where what = 'go');`, 'b'))
    const child = db.spawn()
    await expect.poll(() => rowOf(db).catch(() => undefined), { timeout: 10_000 }).toMatchObject({ statements_done: 1 })
    child.kill('SIGKILL')
    await child.ended
    await db.query(`insert into log values (9, 'go')`)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await logged(db)).toEqual(['a', 'go', 'b'])
  })

  test('is done, or begins anew, when repair says so', async ({ db }) => {
    db.files(broken)
    await db.up()
    const notDone = await db.run(['repair', '--not-done', 'R__again', '--reason', 'x'])
    expect(notDone.exitCode, notDone.stderr).toBe(0)
    expect((await db.up()).exitCode).toBe(23)
    expect(await logged(db)).toEqual(['a', 'a'])
    const done = await db.run(['repair', '--done', 'R__again', '--reason', 'x'])
    expect(done.exitCode, done.stderr).toBe(0)
    expect((await db.up()).stderr).toContain('up to date')
    expect((await db.run(['repair', '--done', 'R__again', '--reason', 'x'])).exitCode).toBe(2)
  })

  test('inside a statement that commits as it goes is 23 until somebody has looked', async ({ db }) => {
    const loop = (end: string) => `do $$ begin insert into log values (1, 'in'); commit; ${end} end $$;`
    db.files(again('a', loop('perform 1 / 0;')))
    expect((await db.up()).exitCode).toBe(23)
    expect((await db.up()).exitCode).toBe(23)
    expect(await logged(db)).toEqual(['a', 'in'])
    db.files(again('a', loop('perform 1;')))
    expect((await db.up()).exitCode).toBe(0)
    expect(await logged(db)).toEqual(['a', 'in', 'in'])
  })
})

test('one that fails at its first statement is 22, and what the earlier content made counts still', async ({ db }) => {
  db.files(again('a'))
  await db.up()
  const before = await db.query(`select checksum, state, applied_at, run from upfront.history order by id`)
  db.files(again('select 1 / 0;', 'b'))
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(22)
  const after = await db.query<{ applied_at: Date }>(
    `select checksum, state, applied_at, run from upfront.history order by id`,
  )
  expect(after).toEqual(before)
  db.files(again('a'))
  expect((await db.up()).stderr).toContain('up to date')
  expect(await logged(db)).toEqual(['a'])
})

test('one that flyway began and did not finish is 21, as flyway stops at it', async ({ db }) => {
  db.files(again('a'))
  await db.query(`create table t (id int, name text); create table log (n int, what text);
    create table flyway_schema_history (installed_rank int primary key, version varchar(50),
      description varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int,
      installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null,
      success boolean not null);
    insert into flyway_schema_history values
      (1, '1', 't', 'SQL', 'V1__t.sql', null, 'me', now(), 1, true),
      (2, null, 'again', 'SQL', 'R__again.sql', 5, 'me', now(), 1, false)`)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('R__again: flyway began it and did not finish it')
  expect(await logged(db)).toEqual([])
  // What flyway repair does, or else our own command.
  await db.query('create schema keep; alter table flyway_schema_history set schema keep')
  await db.query('create table flyway_schema_history as select * from keep.flyway_schema_history where success')
  expect((await db.up()).applied).toEqual(['R__again'])
  await db.query('drop schema upfront cascade; drop table flyway_schema_history')
  await db.query('alter table keep.flyway_schema_history set schema public')
  expect((await db.up()).exitCode).toBe(21)
  const done = await db.run(['repair', '--done', 'R__again', '--reason', 'x'])
  expect(done.exitCode, done.stderr).toBe(0)
  const { stderr: log, applied } = await db.up()
  expect(applied, log).toEqual([])
  expect(await db.history()).toEqual(['repeatable R__again baseline', 'migration V1__t adopted'])
})
