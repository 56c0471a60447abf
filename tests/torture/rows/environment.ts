import type { Row } from './row.ts'

/** Locks, permissions and the environment of the database. */
export const environment: readonly Row[] = [
  {
    row: 'T70',
    fault: 'long reader holds the table 20 s, lock_timeout 1 s',
    expected: '0 after retries; concurrent SELECT latency < 1.5 s',
    tests: [
      ['tests/torture/locking.test.ts', 'a reader of many seconds'],
      ['tests/postgres/lock-timeout.test.ts', 'a blocker that leaves in time'],
    ],
  },
  {
    row: 'T71',
    fault: 'blocker never leaves',
    expected: '33 naming blocker pid/app',
    tests: [
      ['tests/postgres/lock-timeout.test.ts', 'a blocker that stays'],
      ['tests/postgres/lock-timeout.test.ts', 'who stands in the way'],
    ],
  },
  {
    row: 'T72',
    fault: 'deadlock with app transaction once / always',
    expected: '0 / 33',
    tests: [
      ['tests/postgres/lock-timeout.test.ts', 'a deadlock with the application'],
      ['tests/torture/locking.test.ts', 'a deadlock every time'],
    ],
  },
  {
    row: 'T73',
    fault: 'server idle_in_transaction_session_timeout / transaction_timeout / statement_timeout set on the role',
    expected: 'overridden by SET: 0; if forced by pooler: 22 with hint',
    tests: [
      ['tests/postgres/session-state.test.ts', 'a time-out that a role has'],
      ['tests/torture/pgbouncer.test.ts', 'T73'],
    ],
  },
  {
    row: 'T74',
    fault:
      'PG15+ role without CREATE on public; no USAGE; history owned by another role; RLS on history; SELECT revoked',
    expected: '24 with the GRANT to run; RLS never treated as empty',
    tests: [['tests/postgres/privileges.test.ts', '']],
  },
  {
    row: 'T75',
    fault: 'history table altered by hand (extra column, missing column, duplicate rows, NULL checksum)',
    expected: '0 / 21',
    tests: [
      ['tests/postgres/privileges.test.ts', 'a history that lacks a column'],
      ['tests/postgres/privileges.test.ts', 'a history with a column more'],
      ['tests/torture/environment.test.ts', 'a history with its rows twice'],
    ],
  },
  {
    row: 'T76',
    fault: 'history missing but schema full of tables',
    expected: '21 baseline required (unless flag)',
    tests: [['tests/postgres/mismatch.test.ts', 'a database that others have filled']],
  },
  {
    row: 'T77',
    fault: 'disk full (53100), out of shared memory (53200)',
    expected: '22, = clean after space',
    tests: [
      ['tests/torture/environment.test.ts', 'a full disk'],
      ['tests/torture/environment.test.ts', 'no room for so many locks'],
    ],
  },
  {
    row: 'T78',
    fault: 'concurrent foreign DDL (`tuple concurrently updated`)',
    expected: '0 after retry',
    tests: [['tests/torture/locking.test.ts', 'tuple concurrently updated']],
  },
  {
    row: 'T79',
    fault: 'event trigger that rejects DDL; trigger on history raising',
    expected: '22 / 24',
    tests: [
      ['tests/torture/environment.test.ts', 'an event trigger'],
      ['tests/torture/environment.test.ts', 'a trigger on our history'],
    ],
  },
  {
    row: 'T80',
    fault: 'two products share one database with different history tables',
    expected: 'independent, both 0',
    tests: [['tests/postgres/concurrency.test.ts', 'two histories in one database']],
  },
]
