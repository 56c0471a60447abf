// Somebody changes constraints and indexes behind our back: each change is told, in one line where it is one.
import { describeChanges } from '../support/describe-changes.ts'

describeChanges({
  constraints: {
    'a constraint': { change: 'alter table app.t drop constraint t_pkey', lines: ['- constraint app.t.t_pkey'] },
    'a check': {
      change: 'alter table app.t add constraint "No Way" check (a > 0)',
      lines: ['+ constraint app.t."No Way": CHECK ((a > 0))'],
    },
    'what a check says': {
      before: 'alter table app.t add constraint c check (a > 0)',
      change: 'alter table app.t drop constraint c, add constraint c check (a >= 0)',
      lines: ['constraint app.t.c: CHECK ((a > 0)) -> CHECK ((a >= 0))'],
    },
    'that it is validated': {
      before: 'alter table app.t add constraint c check (a > 0) not valid',
      change: 'alter table app.t validate constraint c',
      lines: ['constraint app.t.c: CHECK ((a > 0)) NOT VALID -> CHECK ((a > 0))'],
    },
    'that it is enforced': {
      since: 18,
      before: 'alter table app.t add constraint c foreign key (a) references app.t',
      change: 'alter table app.t alter constraint c not enforced',
      lines: [
        'constraint app.t.c: FOREIGN KEY (a) REFERENCES app.t(id) -> FOREIGN KEY (a) REFERENCES app.t(id) NOT ENFORCED',
      ],
    },
    'what a foreign key does': {
      before: 'alter table app.t add constraint c foreign key (a) references app.t on delete cascade',
      change: 'alter table app.t drop constraint c, add constraint c foreign key (a) references app.t',
      lines: [
        'constraint app.t.c: FOREIGN KEY (a) REFERENCES app.t(id) ON DELETE CASCADE -> FOREIGN KEY (a) REFERENCES app.t(id)',
      ],
    },
    'when it is checked': {
      before: 'alter table app.t add constraint c foreign key (a) references app.t',
      change: 'alter table app.t alter constraint c deferrable initially deferred',
      lines: [
        'constraint app.t.c: FOREIGN KEY (a) REFERENCES app.t(id) -> FOREIGN KEY (a) REFERENCES app.t(id) DEFERRABLE INITIALLY DEFERRED',
      ],
    },
    'a foreign key whose triggers are switched off': {
      before: 'create table app.u (a int, constraint c foreign key (a) references app.t)',
      change: 'alter table app.u disable trigger all',
      lines: [
        'constraint app.u.c: FOREIGN KEY (a) REFERENCES app.t(id) -> FOREIGN KEY (a) REFERENCES app.t(id) with disabled triggers',
      ],
    },
    'the index of a unique one': {
      before: 'alter table app.t add constraint c unique (a)',
      change: 'alter index app.c set (fillfactor = 50); alter table app.t cluster on c',
      lines: ['constraint app.t.c: UNIQUE (a) -> UNIQUE (a) with (fillfactor=50) clustered'],
    },
    'an exclusion': {
      change: 'alter table app.t add constraint c exclude using btree (a with =) where (a > 0)',
      lines: ['+ constraint app.t.c: EXCLUDE USING btree (a WITH =) WHERE ((a > 0))'],
    },
    'nulls that are not distinct': {
      since: 15,
      before: 'alter table app.t add constraint c unique (a)',
      change: 'alter table app.t drop constraint c, add constraint c unique nulls not distinct (a)',
      lines: ['constraint app.t.c: UNIQUE (a) -> UNIQUE NULLS NOT DISTINCT (a)'],
    },
    'a foreign key to a partitioned table, once': {
      before: `create table app.p (a int primary key) partition by list (a); create table app.p1 partition of app.p default;
        create table app.p2 partition of app.p for values in (1)`,
      change: 'alter table app.t add constraint c foreign key (a) references app.p',
      lines: ['+ constraint app.t.c: FOREIGN KEY (a) REFERENCES app.p(a)'],
    },
  },
  'indexes and statistics': {
    'an index': {
      change: 'create unique index i on app.t (a desc) include (b) where a > 0',
      lines: ['+ index app.i: CREATE UNIQUE INDEX i ON app.t USING btree (a DESC) INCLUDE (b) WHERE (a > 0)'],
    },
    'an index that is no longer there': {
      before: 'create index i on app.t (a)',
      change: 'drop index app.i',
      lines: ['- index app.i'],
    },
    'what it is on': {
      before: 'create index i on app.t (a)',
      change: 'drop index app.i; create index i on app.t (b)',
      lines: ['index app.i: CREATE INDEX i ON app.t USING btree (a) -> CREATE INDEX i ON app.t USING btree (b)'],
    },
    'that it is invalid': {
      before: 'create index i on app.t (a)',
      change: `update pg_index set indisvalid = false where indexrelid = 'app.i'::regclass`,
      lines: [
        'index app.i: CREATE INDEX i ON app.t USING btree (a) -> CREATE INDEX i ON app.t USING btree (a) invalid',
      ],
    },
    'that the table is clustered by it': {
      before: 'create index i on app.t (a)',
      change: 'alter table app.t cluster on i',
      lines: [
        'index app.i: CREATE INDEX i ON app.t USING btree (a) -> CREATE INDEX i ON app.t USING btree (a) clustered',
      ],
    },
    'that of a partition, which belongs to that of the table': {
      before: `create table app.p (a int) partition by list (a); create table app.p1 partition of app.p default; create index i on app.p1 (a)`,
      change: 'create index pi on app.p (a)',
      lines: [
        '+ index app.pi: CREATE INDEX pi ON ONLY app.p USING btree (a)',
        'index app.i: CREATE INDEX i ON app.p1 USING btree (a) -> CREATE INDEX i ON app.p1 USING btree (a) partition of app.pi',
      ],
    },
    'extended statistics': {
      before: 'create statistics app.s (dependencies) on a, b from app.t',
      change: 'alter statistics app.s set statistics 50',
      lines: [
        'statistics app.s: CREATE STATISTICS app.s (dependencies) ON a, b FROM app.t -> CREATE STATISTICS app.s (dependencies) ON a, b FROM app.t statistics 50',
      ],
    },
  },
})
