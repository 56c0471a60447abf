import { expect, test } from 'vitest'
import { findings, findingsAfter, problems } from './findings.ts'

const before = [`create type status as enum ('old'); create table t (id int, s status, other text)`]
const add = `alter type status add value 'new';\n`

test.each([
  `select 'new'::status`,
  `select cast('new' as status)`,
  `select status 'new'`,
  `select 'new'::public.status`,
  `insert into t (id, s) values (1, 'old'), (2, 'new')`,
  `update t set s = 'new'`,
  `update t set id = 1 where s = 'new'`,
  `delete from t where s in ('old', 'new')`,
  `select * from t where s <> 'new'`,
  `select * from t where 'new' = t.s`,
  `alter table t alter column s set default 'new'`,
  `alter table t add column more status default 'new'`,
  `create table u (s status default 'new')`,
  `create index i on t (id) where s = 'new'`,
  `create view v as select * from t where s = 'new'`,
])('%s uses the value that its file adds', (sql) => {
  const found = findingsAfter(before, add + sql)
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(/^2:\d+ enum-value$/)
})

test.each([
  `select 'old'::status`,
  `insert into t (id, s) values (1, 'old')`,
  `insert into t (other) values ('new')`,
  `update t set other = 'new'`,
  `update t set other = 'new' where s = 'old'`,
  `update t set id = 1 returning 'new' as s`,
  `select 'new' as s from t`,
  `select 'new'::text, 'new'`,
  `select * from t where s::text = 'new'`,
  `select * from t where s || 'new' = 'x'`,
  `select * from t, u where s = 'new'`,
  `select * from unknown where s = 'new'`,
  `alter table t alter column other set default 'new'`,
  `create function f() returns status language plpgsql as $$ begin return 'new'::status; end $$`,
  `select 'new'::elsewhere`,
  `select 'new'::status[]`,
])('%s does not', (sql) => {
  expect(findingsAfter(before, add + sql)).toEqual([])
})

test('a value of another migration, of a marked file, of a type that the file makes is fine', () => {
  const use = `insert into t (s) values ('new')`
  expect(findingsAfter([...before, add], use)).toEqual([])
  expect(findingsAfter(before, `-- upfront:no-transaction\n${add}${use}`)).toEqual([])
  expect(findings(`create type status as enum ('old'); ${add} select 'new'::status`)).toEqual([])
})

test('a value that may have been there before is fine', () => {
  const again = `alter type status add value if not exists 'new'; select 'new'::status`
  expect(findings(again)).toEqual([])
  expect(findingsAfter([...before, add], again)).toEqual([])
  expect(findingsAfter(before, again)).toEqual(['1:57 enum-value'])
})

test('a type that nothing here makes counts as well, because the value is new', () => {
  expect(findings(`alter type x.status add value 'new'; select 'new'::x.status`)).toEqual(['1:45 enum-value'])
  expect(findings(`alter type x.status add value 'new'; select 'new'::y.status`)).toEqual([])
})

test.each([
  ['a renamed column', 'alter table t rename s to z', `update t set s = 'new'`],
  ['a renamed table', 'alter table t rename to z', `update t set s = 'new'`],
  ['a changed type', 'alter table t alter s type text', `update t set s = 'new'`],
  ['a dropped column', 'alter table t drop s', `update t set s = 'new'`],
  ['a table of two schemas', 'create table x.t (s text)', `update x.t set s = 'new'`],
])('%s is not known any more', (_, change, use) => {
  expect(findingsAfter([...before, change], add + use)).toEqual([])
})

test('renaming a value adds none', () => {
  expect(findings(`alter type status rename value 'a' to 'new'; select 'new'::status`)).toEqual([])
})

test('the place is that of the constant, after characters of every width', () => {
  const [found] = problems(`alter type status add value 'é🎉';\nselect 'é🎉', 'é🎉'::status`)
  expect(found!.place).toMatchObject({ line: 2, column: 14 })
  expect(found!.what).toBe(`'é🎉' is used in the transaction that adds it to status (line 1)`)
})
