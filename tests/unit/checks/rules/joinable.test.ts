import { expect, test } from 'vitest'
import { layout } from './findings.ts'

test.each([
  "create table t (id int primary key default nextval('s'), at timestamptz default now())",
  'create table t as select 1',
  'create index on t (lower(a))',
  'create view v as select 1',
  `create type e as enum ('a')`,
  'create schema s',
  'create sequence s',
  'create or replace function f() returns int language sql as $$ select 1 $$',
  'create trigger tr before insert on t for each row execute function f()',
  'alter table t add column a int not null default 1, drop column b',
  `comment on table t is 'x'`,
  'grant select on t to r',
  `insert into t values (1, 'a'), (2, gen_random_uuid()::text)`,
  'update t set a = coalesce(a, 0) where b is null',
  'delete from t',
  'drop table t',
  'truncate t',
  '',
])('%s may share a message', (sql) => {
  expect(layout(`${sql};`).joinable).toBe(true)
  expect(layout(`select f(); ${sql}`).joinable).toBe(false)
})

test.each([
  'set search_path = a',
  'set local search_path = a',
  'reset all',
  'set role r',
  'set session authorization r',
  `select set_config('search_path', '', false)`,
  'select 1',
  'prepare p as select 1',
  'declare c cursor with hold for select 1',
  'listen x',
  'notify x',
  'create temporary table t (id int)',
  'create temp view v as select 1',
  'create temp sequence s',
  'create table pg_temp.t (id int)',
  'do $$ begin end $$',
  'call p()',
  'insert into t select own_function()',
  'update t set a = schema.own_function(b)',
  `insert into t values (set_config('a.b', 'c', false))`,
  'alter table t add column a int default own_function()',
  'lock table t',
  'copy t from stdin;\n1\n\\.\n',
  'begin; create table t (id int); savepoint a; commit',
  'create extension x',
  'vacuum',
])('%s may not', (sql) => {
  expect(layout(sql).joinable).toBe(false)
})

test('a large one gains nothing', () => {
  const row = `insert into t values (1, '${'x'.repeat(100)}');\n`
  expect(layout(row.repeat(100)).joinable).toBe(true)
  expect(layout(row.repeat(600)).joinable).toBe(false)
})

test('a marked one runs by itself', () => {
  expect(layout('-- upfront:no-transaction\ncreate table t (id int)').joinable).toBe(false)
})
