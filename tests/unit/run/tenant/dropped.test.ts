import { expect, test } from 'vitest'
import { droppedBy } from '../../../../src/run/tenant/dropped.ts'

const names = (sql: string) => droppedBy(sql).map(({ name, kind, isOwner }) => `${isOwner ? 'on ' : ''}${kind} ${name}`)

test.each([
  ['drop table a', ['relation a']],
  ['DROP TABLE IF EXISTS Ünder, "B ""c""", s.d CASCADE', ['relation ünder', 'relation B "c"']],
  ['drop /* the */ table if exists a -- old\n;', ['relation a']],
  ['drop materialized view a, b restrict', ['relation a', 'relation b']],
  ['drop foreign table a', ['relation a']],
  ['drop index concurrently if exists "a,b"', ['relation a,b']],
  ['drop type if exists mood; ', ['type mood']],
  ['drop domain s."d"', []],
  ['drop function f(int, numeric(10, 2)), g', ['routine f', 'routine g']],
  ['drop aggregate s.f(*)', []],
  ['drop trigger if exists t on "Users" cascade', ['on relation Users']],
  ['drop policy p on s.users', []],
  ['drop schema s', []],
  ['drop foreign data wrapper w', []],
  ['drop event trigger t', []],
  ['drop table U&"\\0061"', []],
])('%s', (sql, found) => {
  expect(names(sql)).toEqual(found)
})
