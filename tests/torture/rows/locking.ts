import type { Row } from './row.ts'

/** Locking and concurrency. */
export const locking: readonly Row[] = [
  {
    row: 'T21',
    fault: '20 runners, migration contains CIC',
    expected: 'one applies, 19 x 0, index valid',
    tests: [['tests/torture/herd.test.ts', 'T21']],
  },
  {
    row: 'T22',
    fault: 'as T21 with a foreign blocking `pg_advisory_lock` waiter on our key',
    expected: 'applies or 23 with valid explanation; never hang',
    tests: [['tests/torture/locking.test.ts', 'somebody who blocks inside pg_advisory_lock']],
  },
  {
    row: 'T23',
    fault: '300 runners, max_connections=100',
    expected: '300 x 0, one writer (I6)',
    tests: [['tests/torture/herd.test.ts', 'T23']],
  },
  {
    row: 'T24',
    fault: 'holder runs 60 s, waiter LOCK deadline 5 s',
    expected: 'waiter 31 naming holder pid/app; holder 0',
    tests: [['tests/postgres/concurrency.test.ts', 'a lock that somebody holds to the end']],
  },
  {
    row: 'T25',
    fault: 'PgBouncer transaction mode',
    expected: '25 before any write; no lock left in pg_locks',
    tests: [['tests/torture/pgbouncer.test.ts', 'T25']],
  },
  {
    row: 'T27',
    fault: 'PgBouncer session mode',
    expected: '0 (no startup params sent)',
    tests: [['tests/torture/pgbouncer.test.ts', 'T27']],
  },
  {
    row: 'T28',
    fault: 'statement mode',
    expected: '25',
    tests: [['tests/torture/pgbouncer.test.ts', 'T28']],
  },
  {
    row: 'T29',
    fault: "waiter started, holder's migration fails",
    expected: 'waiter 22 with the recorded error, body ran once',
    tests: [['tests/postgres/concurrency.test.ts', 'a migration that fails in one runner']],
  },
  {
    row: 'T30',
    fault: 'old image and new image start together (n and n+2 migrations)',
    expected: 'both 0, order kept',
    tests: [['tests/postgres/concurrency.test.ts', 'an old image and a new one start together']],
  },
]
