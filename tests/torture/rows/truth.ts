import type { Row } from './row.ts'

/** No exception to the truth. */
export const truth: readonly Row[] = [
  {
    row: 'T89',
    fault: 'a module whose promises live on after it rejected, resolved or was stopped',
    expected: '22 (143, 32), nothing of it at any fault; its client is dead for it',
    tests: [
      ['tests/postgres/module-client.test.ts', ''],
      ['tests/torture/failing.test.ts', 'a module that rejects while its promises go on'],
      ['tests/torture/failing.test.ts', 'a module that resolves while its promises go on'],
    ],
  },
  {
    row: 'T90',
    fault: 'a large file whose first message fails before it executes (encoding, syntax of another version)',
    expected: '22, no row of it: nothing goes before BEGIN is answered',
    tests: [
      ['tests/postgres/large-file.test.ts', 'nothing of a large file is sent before its BEGIN has been answered'],
      ['tests/torture/failing.test.ts', 'a large file whose beginning the server cannot take'],
    ],
  },
  {
    row: 'T91',
    fault: 'a COPY that fails half way with a retryable error, and is repeated',
    expected: '0, exact counts',
    tests: [
      ['tests/postgres/large-file.test.ts', 'the data of a COPY that failed never enter the one of the next try'],
      ['tests/torture/enumeration.test.ts', 'a conflict for a moment'],
    ],
  },
  {
    row: 'T92',
    fault:
      'a second connection that is refused, full, unauthorised or at another server; a module that computes for 25 s',
    expected: 'the statement is left alone; a silent backend of ours is not',
    tests: [
      ['tests/postgres/observer.test.ts', ''],
      ['tests/torture/two-servers.test.ts', 'a second connection that reaches another server'],
    ],
  },
  {
    row: 'T93',
    fault: 'every command through a pooler in transaction mode',
    expected: '25 or done; no setting and no lock stays on a shared backend',
    tests: [
      ['tests/postgres/pooler.test.ts', ''],
      ['tests/torture/pgbouncer.test.ts', 'T25'],
    ],
  },
  {
    row: 'T94',
    fault: 'a plain ALTER TABLE outside a transaction behind a long reader',
    expected: 'readers wait for lock_timeout at most; 33 or 23, else 0',
    tests: [['tests/postgres/outside-locks.test.ts', '']],
  },
  {
    row: 'T95',
    fault: 'a file outside a transaction that sets its session and is resumed',
    expected: 'it goes on in the session that it had, or 20 or 23 with the commands',
    tests: [
      ['tests/postgres/outside-session.test.ts', ''],
      ['tests/unit/checks/rules/session-state.test.ts', ''],
    ],
  },
  {
    row: 'T96',
    fault: 'DO and CALL with COMMIT, DROP INDEX, DETACH and REINDEX CONCURRENTLY, stopped in the middle',
    expected: '23 until the catalog has proved that nothing remains',
    tests: [
      ['tests/postgres/outside-leftovers.test.ts', ''],
      ['tests/torture/enumeration.test.ts', 'SIGTERM while nobody answers'],
    ],
  },
  {
    row: 'T97',
    fault: 'a concurrent index without a name beside an invalid one of somebody else',
    expected: 'theirs is neither blamed nor dropped',
    tests: [['tests/postgres/outside-unnamed-index.test.ts', '']],
  },
  {
    row: 'T98',
    fault: 'joined migrations: currval, set_config in a trigger, a kill after "applied" (wal_writer_delay = 10s)',
    expected: 'as single ones; said when it is on disk',
    tests: [['tests/postgres/joined.test.ts', '']],
  },
  {
    row: 'T99',
    fault: 'forced row-level security; standard_conforming_strings = off; SET ROLE outside a transaction',
    expected: 'as under psql; lexed as the server will or 20; recorded all the same',
    tests: [
      ['tests/postgres/row-security.test.ts', ''],
      ['tests/unit/checks/rules/string-escapes.test.ts', ''],
      ['tests/postgres/outside-roles.test.ts', ''],
      ['tests/torture/enumeration.test.ts', '(whole, limited owner, LATIN1)'],
    ],
  },
  {
    row: 'T100',
    fault: 'a network that acknowledges and never answers, from every message on, with the default settings',
    expected: 'a reconnection, 0; for good: 30 or 32; within 90 s',
    tests: [
      ['tests/torture/silence.test.ts', ''],
      ['tests/postgres/silence.test.ts', ''],
    ],
  },
  {
    row: 'T101',
    fault:
      'COPY TO stdout, GSS and SSPI, floating rejections, ECONNREFUSED of a module, deallocate all, failover under the lock',
    expected: 'each its own class of failure; nothing reaches the host of the API',
    tests: [
      ['tests/postgres/large-file.test.ts', 'the output of COPY ... TO stdout'],
      ['tests/postgres/login.test.ts', ''],
      ['tests/postgres/module-client.test.ts', 'what a module throws where nobody waits'],
      ['tests/postgres/ended-session.test.ts', 'a failover seen when the lock is had'],
      ['tests/postgres/api.test.ts', 'no exception of a module or of an ear reaches the host'],
      ['tests/postgres/session-state.test.ts', 'a deallocate all'],
      ['tests/postgres/foreign-connection.test.ts', ''],
      ['tests/postgres/interrupted-lists.test.ts', ''],
    ],
  },
  {
    row: 'T102',
    fault: 'channel_binding and every other parameter; several hosts; full poolers; .pgpass, services, sockets, IPv6',
    expected: 'honoured, harmless or an error; one total wait; 30 within it',
    tests: [
      ['tests/postgres/channel-binding.test.ts', ''],
      ['tests/postgres/ways-in.test.ts', ''],
      ['tests/postgres/full-pooler.test.ts', ''],
      ['tests/unit/config/database/connection.test.ts', ''],
      ['tests/unit/config/database/passfile.test.ts', ''],
      ['tests/unit/config/database/service.test.ts', ''],
    ],
  },
  {
    row: 'T103',
    fault: 'status on a missing database; up --seed ahead; a stray UPFRONT_ENV; a bad CSV line; names in NFD',
    expected: 'none is made; it is said; the guard stays; file:line; the same migration',
    tests: [
      ['tests/postgres/wait.test.ts', 'creates no database, whatever'],
      ['tests/postgres/missing.test.ts', 'up --seed on a database that is ahead'],
      ['tests/postgres/environment.test.ts', ''],
      ['tests/postgres/csv-place.test.ts', ''],
      ['tests/postgres/spelling.test.ts', ''],
    ],
  },
  {
    row: 'T104',
    fault: 'a lost connection, and the address leads to another server',
    expected: '32, nothing written there; 0 when the first one answers again',
    tests: [['tests/torture/two-servers.test.ts', 'a reconnection that reaches another server']],
  },
  {
    row: 'T105',
    fault: 'a changed, missing, squashed or half-done file at night',
    expected: 'one command, named by the refusal, safe at every lost message',
    tests: [
      ['tests/postgres/repair.test.ts', ''],
      ['tests/postgres/repair-faults.test.ts', ''],
      ['tests/postgres/missing.test.ts', ''],
      ['tests/unit/ways-out.test.ts', ''],
    ],
  },
  {
    row: 'T106',
    fault: 'a finding that is wrong or not wanted',
    expected: 'allowed with a why; never what cannot run at all',
    tests: [
      ['tests/postgres/allow.test.ts', ''],
      ['tests/unit/commands/allow.test.ts', ''],
    ],
  },
  {
    row: 'T107',
    fault: 'BEGIN ... COMMIT blocks outside a transaction, with every fault at every message',
    expected: 'each is one unit, recorded before its COMMIT',
    tests: [
      ['tests/postgres/outside-blocks.test.ts', ''],
      ['tests/unit/checks/rules/block.test.ts', ''],
      ['tests/torture/enumeration.test.ts', 'at every message'],
    ],
  },
  {
    row: 'T108',
    fault: 'credentials that rotate in a long run; an owner role that nobody logs in as; pg_terminate_backend twice',
    expected: 'read again; everything is that role’s; 32 after one more try',
    tests: [
      ['tests/postgres/credentials.test.ts', ''],
      ['tests/postgres/role.test.ts', ''],
      ['tests/postgres/ended-session.test.ts', ''],
    ],
  },
  {
    row: 'T109',
    fault: 'up --to, limits of one file, a log that may hold no rows',
    expected: 'as written, and nothing else',
    tests: [
      ['tests/postgres/up-to.test.ts', ''],
      ['tests/postgres/file-limits.test.ts', ''],
      ['tests/postgres/log-detail.test.ts', ''],
    ],
  },
]
