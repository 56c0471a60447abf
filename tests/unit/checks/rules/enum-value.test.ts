import { expect, test } from 'vitest'
import { add, made, others, unsure, uses } from './enum-statements.ts'
import { findings, findingsAfter, problems } from './findings.ts'

const before = [made]

test.each(uses)('%s uses the value that its file adds', (sql) => {
  const found = findingsAfter(before, add + sql)
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(/^2:\d+ enum-value$/)
})

test.each([...others, ...unsure])('%s does not, as far as anybody can tell', (sql) => {
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
