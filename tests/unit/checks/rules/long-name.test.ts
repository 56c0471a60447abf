import { expect, test } from 'vitest'
import { findings, problems } from './findings.ts'

const [short, long] = ['n'.repeat(63), 'n'.repeat(64)]
const umlauts = (count: number) => 'é'.repeat(count)

const places = [
  ['create table N (id int)', 14],
  ['create table "N" (id int)', 14],
  ['create table t (N int)', 17],
  ['create table t (id int constraint N check (id > 0))', 35],
  ['create index N on t (id)', 14],
  ['create index on t (N)', 20],
  ['select 1 as N', 13],
  ['select N.id from t', 8],
  ['insert into s.N values (1)', 15],
  ['alter table t rename to N', 25],
  ['create role N', 13],
  ['select N(1)', 8],
  ['create function f() returns int language plpgsql as $$ declare N int; begin return 1; end $$', 64],
  ['create function f() returns int language sql as $$ select 1 as N $$', 64],
  ['do $$ begin perform N(); end $$', 21],
] as const

test.each(places)('%s has a name that is cut', (sql, column) => {
  expect(findings(sql.replaceAll('N', long))).toEqual([`1:${column} long-name`])
  expect(findings(sql.replaceAll('N', short))).toEqual([])
})

test.each([
  `select 'N'`,
  `comment on table t is 'N'`,
  'select 1 -- N',
  'select 1 /* N */',
  `do $$ begin raise notice 'N'; end $$`,
  `create function f() returns int language plv8 as $$ N $$`,
])('%s has no name', (sql) => {
  expect(findings(sql.replaceAll('N', long))).toEqual([])
})

test('bytes count, not characters', () => {
  expect(findings(`select 1 as ${umlauts(31)}`)).toEqual([])
  expect(findings(`select 1 as ${umlauts(32)}`)).toEqual(['1:13 long-name'])
  expect(problems(`select 1 as ${umlauts(32)}`)[0]!.what).toContain(
    `has 64 bytes; Postgres cuts it to "${umlauts(31)}"`,
  )
})

test('a doubled quote in a name is one character', () => {
  expect(findings(`select 1 as "${'n'.repeat(62)}"""`)).toEqual([])
  expect(findings(`select 1 as "${'n'.repeat(63)}"""`)).toEqual(['1:13 long-name'])
})

test('two that become the same are told of each other', () => {
  const found = problems(
    `create table if not exists ${short}_a (id int);\ncreate table if not exists ${short}_b (id int)`,
  )
  expect(found).toHaveLength(2)
  expect(found[1]!.what).toContain(`as it does ${short}_a of line 1`)
})

test('a name is told once, however often it is used', () => {
  expect(
    findings(`create table ${long} (id int); select * from ${long}; select * from ${long.toUpperCase()}`),
  ).toHaveLength(1)
  expect(findings(`select 1 as ${long}, 2 as "${long.toUpperCase()}"`)).toHaveLength(2)
})
