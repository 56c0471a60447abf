// Somebody changes views, types and sequences behind our back: each change is told, in one line where it is one.
import { describeChanges } from '../support/describe-changes.ts'

describeChanges({
  views: {
    'a view': { change: 'create view app.v as select 1 as one', lines: ['+ view app.v'] },
    'what it selects': {
      before: 'create view app.v as select 1 as one',
      change: 'create or replace view app.v as select 2 as one',
      lines: ['query app.v: SELECT 1 AS one -> SELECT 2 AS one'],
    },
    'its columns': {
      before: 'create view app.v as select 1 as one',
      change: 'create or replace view app.v as select 1 as one, 2::bigint as two',
      lines: ['+ column app.v.two: bigint', 'query app.v: SELECT 1 AS one -> SELECT 1 AS one, (2)::bigint AS two'],
    },
    'its options': {
      before: 'create view app.v as select id from app.t',
      change: `alter view app.v set (security_barrier, check_option = 'local')`,
      lines: ['view app.v -> with (check_option=local, security_barrier=true)'],
    },
    'as whom it reads': {
      since: 15,
      before: 'create view app.v with (security_invoker) as select id from app.t',
      change: 'alter view app.v reset (security_invoker)',
      lines: ['view app.v: with (security_invoker=true) -> '],
    },
    'a view that became a table': {
      before: 'create view app.v as select 1 as one',
      change: 'drop view app.v; create table app.v (one int)',
      lines: ['- view app.v', '+ table app.v', 'column app.v.one: integer -> integer'],
    },
    'a materialized view': {
      before: 'create materialized view app.m as select id from app.t',
      change: 'drop materialized view app.m',
      lines: ['- materialized view app.m'],
    },
    'an index of a materialized view': {
      before: 'create materialized view app.m as select id from app.t; create unique index i on app.m (id)',
      change: 'drop index app.i',
      lines: ['- index app.i'],
    },
    'whether a materialized view is filled is no part of it': {
      before: 'create materialized view app.m as select id from app.t with no data',
      change: 'refresh materialized view app.m',
      lines: [],
    },
    'a rule': {
      before: 'create rule r as on delete to app.t do instead nothing',
      change: 'alter table app.t disable rule r',
      lines: [
        'rule app.t.r: CREATE RULE r AS ON DELETE TO app.t DO INSTEAD NOTHING -> CREATE RULE r AS ON DELETE TO app.t DO INSTEAD NOTHING disabled',
      ],
    },
  },
  types: {
    'an enum': { change: `create type app.e as enum ('a')`, lines: [`+ enum app.e: 'a'`] },
    'a label, and where it stands': {
      before: `create type app.e as enum ('a', 'c')`,
      change: `alter type app.e add value 'b''s' before 'c'`,
      lines: [`enum app.e: 'a', 'c' -> 'a', 'b''s', 'c'`],
    },
    'a domain': {
      before: `create domain app.d as text constraint c check (value <> '')`,
      change: `alter domain app.d set not null; alter domain app.d set default 'x'`,
      lines: [
        `domain app.d: text constraint c CHECK ((VALUE <> ''::text)) -> text default 'x'::text not null constraint c CHECK ((VALUE <> ''::text))`,
      ],
    },
    'a check of a domain that was not validated': {
      before: 'create domain app.d as int',
      change: 'alter domain app.d add constraint c check (value > 0) not valid',
      lines: ['domain app.d: integer -> integer constraint c CHECK ((VALUE > 0)) NOT VALID'],
    },
    'a composite type': { change: 'create type app.c as (a int)', lines: ['+ composite type app.c'] },
    'a part of a composite type': {
      before: 'create type app.c as (a int, b text)',
      change: 'alter type app.c drop attribute b, alter attribute a type bigint',
      lines: ['- column app.c.b', 'column app.c.a: integer -> bigint'],
    },
    'a range': {
      before: 'create type app.r as range (subtype = float8)',
      change: 'drop type app.r; create type app.r as range (subtype = float8, subtype_diff = float8mi)',
      lines: [
        'range type app.r: subtype double precision, multirange app.r_multirange -> subtype double precision, subtype_diff float8mi(double precision,double precision), multirange app.r_multirange',
      ],
    },
    'a range, once': {
      change: 'create type app.r as range (subtype = float8, multirange_type_name = app.many)',
      lines: ['+ range type app.r: subtype double precision, multirange app.many'],
    },
  },
  sequences: {
    'a sequence': { change: 'create sequence app.s', lines: ['+ sequence app.s'] },
    'what it is told': {
      before: 'create sequence app.s as int',
      change: 'alter sequence app.s increment 10 minvalue 5 maxvalue 100 start 50 restart cache 2 cycle',
      lines: ['sequence app.s: as integer -> as integer start 50 increment 10 minvalue 5 maxvalue 100 cache 2 cycle'],
    },
    'whose it is': {
      before: 'create sequence app.s',
      change: 'alter sequence app.s owned by app.t.a',
      lines: ['- owner sequence app.s', 'sequence app.s -> owned by app.t.a'],
    },
    'a serial column, with its sequence': {
      before: 'alter table app.t add s bigserial',
      change: 'alter table app.t drop s',
      lines: ['- column app.t.s'],
    },
    'where it is is data': { before: 'create sequence app.s', change: `select nextval('app.s')`, lines: [] },
  },
})
