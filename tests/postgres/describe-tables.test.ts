// Somebody changes schemas, tables and columns behind our back: each change is told, in one line where it is one.
import { describeChanges } from '../support/describe-changes.ts'

describeChanges({
  'schemas and extensions': {
    'a schema': { change: 'create schema "Other One"', lines: ['+ schema "Other One"'] },
    'a schema with all in it': { change: 'drop schema app cascade', lines: ['- schema app'] },
    'the schema public, which nobody misses while nothing stands in it': {
      change: 'drop schema public',
      lines: [],
    },
    'the schema public with what stands in it': {
      before: 'create table public.x (a int)',
      change: 'drop schema public cascade',
      lines: ['- schema public'],
    },
    'an extension': {
      before: 'create extension hstore schema app',
      change: 'drop extension hstore',
      lines: ['- extension hstore'],
    },
    'an extension in another schema': {
      before: 'create extension hstore schema app',
      change: 'alter extension hstore set schema public',
      lines: ['extension hstore: in schema app -> in schema public'],
    },
    'a collation': {
      before: `create collation app.c (provider = libc, locale = 'C')`,
      change: `drop collation app.c; create collation app.c (provider = libc, locale = 'POSIX')`,
      lines: [`collation app.c: provider libc, locale 'C', 'C' -> provider libc, locale 'POSIX', 'POSIX'`],
    },
    'a collation that is no longer deterministic': {
      before: `create collation app.c (provider = icu, locale = 'und')`,
      change: `drop collation app.c; create collation app.c (provider = icu, locale = 'und', deterministic = false)`,
      lines: [`collation app.c: provider icu, locale 'und' -> provider icu, locale 'und', not deterministic`],
    },
  },
  tables: {
    'a table': { change: 'create table app.new (a int)', lines: ['+ table app.new'] },
    'a table with all that is of it': {
      before: `create index on app.t (a); create trigger x before insert on app.t execute function app.touch();
        alter table app.t enable row level security; create policy p on app.t using (true); comment on column app.t.a is 'x'`,
      change: 'drop table app.t',
      lines: ['- table app.t'],
    },
    'a table that was renamed': {
      change: 'alter table app.t rename to t2',
      lines: ['- table app.t', '+ table app.t2'],
    },
    'a table that is unlogged': { change: 'alter table app.t set unlogged', lines: ['table app.t -> unlogged'] },
    'its options': {
      change: 'alter table app.t set (fillfactor = 70, toast.autovacuum_enabled = off)',
      lines: ['table app.t -> with (fillfactor=70), toast with (autovacuum_enabled=off)'],
    },
    'its replica identity': {
      change: 'alter table app.t replica identity full',
      lines: ['table app.t -> replica identity full'],
    },
    'an index as its replica identity': {
      change: 'alter table app.t replica identity using index t_pkey',
      lines: ['constraint app.t.t_pkey: PRIMARY KEY (id) -> PRIMARY KEY (id) replica identity'],
    },
    'its row level security': {
      change: 'alter table app.t enable row level security',
      lines: ['table app.t -> row level security'],
    },
    'row level security for its owner': {
      before: 'alter table app.t enable row level security',
      change: 'alter table app.t force row level security',
      lines: ['table app.t: row level security -> row level security, forced for the owner'],
    },
    'what it inherits': {
      before: 'create table app.child () inherits (app.t)',
      change: 'alter table app.child no inherit app.t',
      lines: ['table app.child: inherits (app.t) -> '],
    },
    'a partition': {
      before: 'create table app.p (at date) partition by range (at)',
      change: `create table app.p1 partition of app.p for values from ('2024-01-01') to ('2025-01-01')`,
      lines: [`+ table app.p1: partition of app.p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`],
    },
    'a partition that was detached': {
      before: `create table app.p (at int primary key) partition by list (at); create table app.p1 partition of app.p default`,
      change: 'alter table app.p detach partition app.p1',
      lines: ['table app.p1: partition of app.p DEFAULT -> '],
    },
    'the key of its partitions': {
      before: 'create table app.p (at date, b int) partition by range (at)',
      change: 'drop table app.p; create table app.p (at date, b int) partition by list (b)',
      lines: ['table app.p: partitioned by RANGE (at) -> partitioned by LIST (b)'],
    },
    'its type': {
      before: 'create type app.tt as (a int); create table app.typed of app.tt',
      change: 'alter table app.typed not of',
      lines: ['table app.typed: of app.tt -> '],
    },
    'a foreign table': {
      before: `create foreign data wrapper w; create server s foreign data wrapper w;
        create foreign table app.f (a int) server s options (name 'a', password 'secret')`,
      change: `alter foreign table app.f options (set name 'b', set password 'other')`,
      lines: [
        `foreign table app.f: server s, options (name 'a', password ***) -> server s, options (name 'b', password ***)`,
      ],
    },
  },
  columns: {
    'a column': { change: 'alter table app.t drop b', lines: ['- column app.t.b'] },
    'a new column': {
      change: `alter table app.t add "C é" numeric(10,2) not null default 0`,
      lines: ['+ column app.t."C é": numeric(10,2) not null default 0'],
    },
    'its type': { change: 'alter table app.t alter a type bigint', lines: ['column app.t.a: integer -> bigint'] },
    'its length': {
      before: 'alter table app.t add v varchar(10)',
      change: 'alter table app.t alter v type varchar(20)',
      lines: ['column app.t.v: character varying(10) -> character varying(20)'],
    },
    'its default': {
      change: 'alter table app.t alter a set default 5',
      lines: ['column app.t.a: integer -> integer default 5'],
    },
    'that it may be null': {
      change: 'alter table app.t alter a set not null',
      lines: ['column app.t.a: integer -> integer not null'],
    },
    'a not null that was not validated': {
      since: 18,
      change: 'alter table app.t add not null a not valid',
      lines: ['column app.t.a: integer -> integer not null not valid'],
    },
    'a not null that children do not have': {
      since: 18,
      change: 'alter table app.t add not null a no inherit',
      lines: ['column app.t.a: integer -> integer not null no inherit'],
    },
    'its collation': {
      change: 'alter table app.t alter b type text collate "C"',
      lines: ['column app.t.b: text -> text collate "C"'],
    },
    'its identity': {
      change: 'alter table app.t alter id add generated always as identity (start 100 cache 5)',
      lines: ['column app.t.id: integer not null -> integer not null generated always as identity (start 100 cache 5)'],
    },
    'who gives its identity': {
      before: 'alter table app.t alter id add generated always as identity',
      change: 'alter table app.t alter id set generated by default set increment -1',
      lines: [
        'column app.t.id: integer not null generated always as identity -> integer not null generated by default as identity (start 1 increment -1 minvalue 1 maxvalue 2147483647)',
      ],
    },
    'how it is generated': {
      before: 'alter table app.t add g int generated always as (a + 1) stored',
      change: 'alter table app.t drop g, add g int generated always as (a + 2) stored',
      lines: [
        'column app.t.g: integer generated always as ((a + 1)) stored -> integer generated always as ((a + 2)) stored',
      ],
    },
    'that it is only computed': {
      since: 18,
      before: 'alter table app.t add g int generated always as (a + 1) stored',
      change: 'alter table app.t drop g, add g int generated always as (a + 1)',
      lines: [
        'column app.t.g: integer generated always as ((a + 1)) stored -> integer generated always as ((a + 1)) virtual',
      ],
    },
    'its storage': {
      change: 'alter table app.t alter b set storage external',
      lines: ['column app.t.b: text -> text storage external'],
    },
    'its compression': {
      change: 'alter table app.t alter b set compression pglz',
      lines: ['column app.t.b: text -> text compression pglz'],
    },
    'its statistics': {
      change: 'alter table app.t alter b set statistics 500, alter a set (n_distinct = 5)',
      lines: ['column app.t.a: integer -> integer with (n_distinct=5)', 'column app.t.b: text -> text statistics 500'],
    },
  },
})
