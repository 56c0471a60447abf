import { expect } from 'vitest'
import { test } from '../support/database.ts'
import { locksOf, rehearseJson, workOf } from '../support/rehearse.ts'

const before = {
  '001_app.sql': `create schema app; create table app.t (id int primary key, a int); create index t_a on app.t (a);
create table app.p (id int) partition by range (id); create table app.p1 partition of app.p for values from (0) to (10);`,
}

const cases: readonly (readonly [sql: string, locks: readonly string[], work: readonly string[]])[] = [
  ['create index concurrently t_b on app.t (a, id)', ['SHARE UPDATE EXCLUSIVE app.t'], ['builds app.t']],
  ['drop index concurrently app.t_a', ['SHARE UPDATE EXCLUSIVE app.t'], []],
  ['reindex table concurrently app.t', ['SHARE UPDATE EXCLUSIVE app.t'], ['builds app.t']],
  ['alter table app.p detach partition app.p1 concurrently', ['SHARE UPDATE EXCLUSIVE app.p'], []],
  ['vacuum full app.t', ['ACCESS EXCLUSIVE app.t'], ['rewrites app.t']],
] // prettier-ignore

test('locks of what no transaction may hold are seen by another session, which makes it wait for that', async ({
  db,
}) => {
  db.files(before)
  await db.up()
  for (const [sql, locks, work] of cases) {
    db.files({ ...before, '002_c.sql': `-- upfront:no-transaction\n${sql};` })
    const { migrations } = await rehearseJson(db)
    const [statement] = migrations[0]!.statements
    const seen = statement!.locks.map(({ mode, relation }) => `${mode} ${relation}`)
    expect(seen, sql).toEqual(expect.arrayContaining([...locks]))
    expect(statement!.transaction, sql).toBeNull()
    expect(
      statement!.locks.every(({ seen_by }) => seen_by === 'witness'),
      sql,
    ).toBe(true)
    expect([...new Set(workOf(statement!))], sql).toEqual(work)
  }
}, 60_000)

test('statements of such a file that a transaction may hold have one each, and BEGIN ... COMMIT is one', async ({
  db,
}) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_c.sql': `-- upfront:no-transaction
alter table app.t add x int;
create index concurrently t_x on app.t (x);
begin;
alter table app.t add y int;
update app.t set y = 1;
commit;
do $$ begin alter table app.t add z int; commit; alter table app.t drop z; end $$;`,
  })
  const { migrations } = await rehearseJson(db)
  const [{ statements }] = migrations as [(typeof migrations)[0]]
  expect(statements.map(({ line, transaction }) => [line, transaction !== null])).toEqual([[2, true], [3, false], [5, true], [6, true], [8, false]]) // prettier-ignore
  const [first, , third, fourth] = statements
  expect(locksOf(first!)).toEqual(['ACCESS EXCLUSIVE app.t'])
  expect(third!.transaction).toBe(fourth!.transaction)
  expect(third!.transaction).not.toBe(first!.transaction)
  expect(fourth!.held.map(({ mode }) => mode)).toContain('ACCESS EXCLUSIVE')
  expect(workOf(fourth!)).toEqual(['scans app.t'])
})

test('one that stops half way says what up would leave, with its place, and is 22 here', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_c.sql': '-- upfront:no-transaction\nalter table app.t add x int;\nbegin;\nselect 1;\n  select 1 / 0;\ncommit;',
  })
  const { outcome, migrations, failed } = await rehearseJson(db, [], 22)
  expect(migrations[0]!.failed).toEqual({ statement: 2, line: 5 })
  expect(failed).toMatchObject({ code: 'PARTIAL', exit: 23 })
  expect(outcome.stderr).toContain(
    'up would end with 23: migration 002_c stopped after 1 of 2 statements, which remain',
  )
  expect(outcome.stderr).toContain('migrations/002_c.sql:5:3')
  expect(outcome.stderr).not.toContain('upfront repair')
})

test('code is measured as one, in its transaction or outside', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_in.ts': `export async function up(client) { await client.query('alter table app.t alter a type bigint'); await client.query('create table app.made (id int)') }`,
    '003_out.ts': `export const transaction = false; export async function up(client) { await client.query('create index concurrently t_c on app.t (a, id)') }`,
    '004_bad.ts': `export async function up(client) { throw new Error('no luck') }`,
  })
  const { migrations, outcome } = await rehearseJson(db, [], 22)
  const [inside, outside, bad] = migrations
  expect(workOf(inside!.statements[0]!)).toEqual(['rewrites app.t'])
  expect(inside!.statements[0]!.created).toContain('app.made')
  expect(outside!.statements[0]!.locks.map(({ mode, relation }) => `${mode} ${relation}`)).toContain('SHARE UPDATE EXCLUSIVE app.t') // prettier-ignore
  expect(workOf(outside!.statements[0]!)).toEqual(['builds app.t'])
  expect(bad!.failed).not.toBeNull()
  expect(outcome.stderr).toContain('no luck')
})
