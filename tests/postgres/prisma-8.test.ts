// How an operation of prisma 8 runs: its checks decide, as they do in prisma's own runner.
import { expect } from 'vitest'
import { test } from '../support/database.ts'
import { createTable, step, type Operation } from '../support/prisma-8.ts'

const check = (sql: string) => [{ description: `asked: ${sql}`, sql }]
const run = (id: string, more: Omit<Operation, 'id'>) => step('app/20260101T1015_one', null, 'one', [{ id, ...more }])

test('an operation whose postchecks hold already is not run', async ({ db }) => {
  await db.query('create table users (other text)')
  db.files({ ...step('app/1', null, 'one', [createTable('users', 'id int'), createTable('orders', 'id int')]) })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect((await db.tables()).sort()).toEqual(['public.orders', 'public.users'])
  expect(await db.query(`select attname from pg_attribute where attrelid = 'users'::regclass and attnum > 0`)).toEqual([
    { attname: 'other' },
  ])
})

test('a precheck that does not hold stops it, in the words of prisma', async ({ db }) => {
  const precheck = [...check('select true'), ...check('select 1 > 2')]
  db.files(run('users.fill', { precheck, execute: [{ sql: 'create table users (id int)' }] }))
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('Operation users.fill failed during precheck: asked: select 1 > 2')
  expect(stderr).toContain('app/20260101T1015_one/ops.json:2:1')
  expect(await db.tables()).toEqual([])
})

test('a postcheck that does not hold afterwards takes all of it back', async ({ db }) => {
  const execute = [{ sql: 'create table users (id int)' }]
  db.files(
    run('users.fill', { execute, postcheck: check('select count(*) > 0 from pg_class where relname = $$nobody$$') }),
  )
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('Operation users.fill failed during postcheck')
  expect(await db.tables()).toEqual([])
})

test.for([
  ['true', true],
  ["'t'::text", true],
  ['2', true],
  ["'0'::text", false],
  ["'FALSE'::text", false],
  ["''::text", false],
  ['null::boolean', false],
  ['1 where false', false],
  ["'any'::text, false", true],
] as const)('a check that answers %s %s', async ([answer, holds], { db }) => {
  db.files(run('a', { precheck: check(`select ${answer}`), execute: [{ sql: 'create table users (id int)' }] }))
  expect((await db.up()).exitCode).toBe(holds ? 0 : 22)
})

test('values are given as prisma gives them: Postgres finds their types', async ({ db }) => {
  const text = `it's "$1" \\ new\nline $operation$`
  db.files(
    run('a', {
      execute: [
        { sql: 'create table t (a text, b int, c jsonb, d text[], e boolean, f numeric, g text)', params: [] },
        {
          sql: 'insert into t values ($1, $2, $3, $4, $5, $6, $7)',
          params: [text, 7, { x: [1, "'"] }, ['p', null, 'q"\\'], true, 1.25, null],
        },
        { sql: 'select setval($1, $2)', params: ['s', 3] },
      ].toSpliced(1, 0, { sql: 'create sequence s; create table u ()', params: [] }),
      postcheck: [
        {
          sql: 'select exists (select from pg_class where oid = to_regclass($1) and relkind = $2)',
          params: ['public.t', 'r'],
        },
      ],
    }),
  )
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select * from t')).toEqual([
    { a: text, b: 7, c: { x: [1, "'"] }, d: ['p', null, 'q"\\'], e: true, f: '1.25', g: null },
  ])
  expect(await db.query('select last_value::int as last from s')).toEqual([{ last: 3 }])
})

test('what no transaction may hold fails, as it does in prisma', async ({ db }) => {
  await db.query('create table users (id int)')
  db.files(run('a', { execute: [{ sql: 'create index concurrently i on users (id)' }] }))
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('25001')
})

test('a step without operations is recorded, and nothing else', async ({ db }) => {
  db.files({ ...step('app/1', null, 'one'), ...step('app/2', 'one', 'two', [createTable('users', 'id int')]) })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['app/1', 'app/2'])
  expect((await db.up()).stderr).toContain('up to date')
})

test('an extension that comes later runs, before what is pending of the application', async ({ db }) => {
  const first = step('app/1', null, 'one', [createTable('users', 'id int')])
  db.files(first)
  await db.up()
  const head = JSON.stringify({
    hash: JSON.parse(step('v/1', null, 'v1')['v/1/migration.json'] as string).to,
    invariants: [],
  })
  const second = step('app/2', 'one', 'two', [createTable('orders', 'id int')])
  db.files({ ...first, ...second, ...step('v/1', null, 'v1', [createTable('v', 'id int')]), 'v/refs/head.json': head })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['v/1', 'app/2'])
})

test('a fork is refused with the names of both, before anything runs', async ({ db }) => {
  const one = [createTable('users', 'id int')]
  db.files({ ...step('app/1', null, 'one', one), ...step('app/2', 'one', 'two'), ...step('app/3', 'one', 'three') })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toMatch(/2 migrations lead on from the contract \w{12}: \S*app\/2, \S*app\/3/)
  expect(await db.tables()).toEqual([])
})
