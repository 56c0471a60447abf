import { expect, test } from 'vitest'
import { findings } from './findings.ts'

test.each([
  'discard all',
  'select pg_advisory_unlock_all()',
  'select pg_catalog.pg_advisory_unlock_all()',
  'do $$ begin perform pg_advisory_unlock_all(); end $$',
  'insert into t select pg_advisory_unlock_all()',
])('%s gives the lock away', (sql) => {
  expect(findings(`select 1;\n${sql}`)).toEqual(['2:1 session-lock'])
  expect(findings(`-- upfront:no-transaction\n${sql}`)).toEqual(['2:1 session-lock'])
})

test.each([
  'discard plans',
  'discard temp',
  'select pg_advisory_unlock(1)',
  `select 'pg_advisory_unlock_all()'`,
  'create function f() returns void language sql as $$ select pg_advisory_unlock_all() $$',
  'create view v as select pg_advisory_unlock_all()',
  'select 1 -- pg_advisory_unlock_all()',
])('%s does not', (sql) => {
  expect(findings(sql)).toEqual([])
})
