import { expect, test } from 'vitest'
import { checkSql } from '../../../../src/checks/check-text.ts'
import { nothingDeclared } from '../../../../src/checks/declared.ts'
import { loadParser } from '../../../../src/sql/parser.ts'

await loadParser()

/** What is taken away, without what every notice says. */
function taken(text: string): string[] {
  const { notices } = checkSql({ file: 'f.sql', text, role: 'migration' }, nothingDeclared())
  return notices.flatMap(({ rule, what }) => (rule === 'needs-contract' ? [what.split(', which')[0]!] : []))
}

test.each([
  [`do $$ begin if true then drop table users; end if; end $$`, 'drops a table of users'],
  [`do $$ begin execute 'alter table users drop column "it''s"'; end $$`, `drops the column it's of users`],
  ['alter table users set schema old', 'changes the schema of a table of users'],
  ['alter type mood set schema old', 'changes the schema of a type of mood'],
  [`alter type mood rename value 'a' to 'b'`, 'renames a value of mood'],
  ['alter type pair rename attribute a to b', 'renames an attribute of pair'],
  ['drop type if exists mood cascade', 'drops a type of mood'],
  ['drop schema old', 'drops a schema of old'],
  ['drop table users; create table users (id int)', 'drops a table of users'],
  ['create table if not exists users (id int); alter table users drop column name', 'drops the column name of users'],
  ['alter table users add column a int; alter table users alter column a set not null', 'sets NOT NULL on a of users'],
  ['create table other.users (id int); drop table users', 'drops a table of users'],
])('%s takes something away', (sql, what) => {
  expect(taken(sql)).toEqual([what])
})

test('a DROP of several takes each of them, but those that the file has made', () => {
  expect(taken('create table b (id int); drop table a, b, c')).toEqual(['drops a table of a', 'drops a table of c'])
})

test.each([
  'create temp table t (a int); drop table t',
  'create temp table t (a int); drop table pg_temp.t',
  'create table t (a int); alter table public.t drop column a; drop table public.t',
  'create table "Ta" (a int); alter table "Ta" drop column a',
  'select 1 as a into t; drop table t',
  'create table a (); create table b (); drop table a, b',
  'create table a (x int); alter table a rename to b; alter table b drop column x',
  `create type t as enum ('a'); alter type t rename value 'a' to 'b'; drop type t`,
  'create type t as (a int); alter type t drop attribute a',
  'create domain d as text; drop domain d',
  'create schema s; drop schema s',
  'alter table users add column a int; alter table users rename column a to b',
  'drop view v; create view v as select 1 as a',
  'drop index i; alter table users rename constraint a to b; drop function f()',
])('%s takes nothing away', (sql) => {
  expect(taken(sql)).toEqual([])
})
