// tests/postgres/compile-rules.test.ts asks a real server whether they are what they are said to be.

/** What an earlier migration has made. */
export const made = `create type status as enum ('old'); create table t (id int, s status, other text)`

/** What the migration at hand begins with. */
export const add = `alter type status add value 'new';\n`

/** What uses the new value. */
export const uses = [
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
]

/** What only looks like it. */
export const others = [
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
  `select * from unknown where s = 'new'`,
  `alter table t alter column other set default 'new'`,
  `create function f() returns status language plpgsql as $$ begin return 'new'::status; end $$`,
  `select 'new'::elsewhere`,
  `select 'new'::status[]`,
]

/** What uses it as well, but cannot be known for sure: whose column is it? */
export const unsure = [`select * from t, u where s = 'new'`]
