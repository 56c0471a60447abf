import type { Row } from './row.ts'

/** Bad migrations. */
export const migrations: readonly Row[] = [
  {
    row: 'T48',
    fault: 'syntax error in the last line of a 3-statement file',
    expected: '20 before the first migration runs, exact line:col (with emoji, CRLF, tabs before it)',
    tests: [
      ['tests/postgres/invalid-files.test.ts', 'a syntax error is told before the first migration runs'],
      ['tests/postgres/sql-errors.test.ts', 'the place of an error'],
    ],
  },
  {
    row: 'T49',
    fault: 'runtime error in 4th statement',
    expected: '22, names statement 4 and line',
    tests: [['tests/postgres/sql-errors.test.ts', 'a run-time error']],
  },
  {
    row: 'T50',
    fault: 'file contains BEGIN/COMMIT; COMMIT;BEGIN; ROLLBACK; COMMIT AND CHAIN; PREPARE TRANSACTION; DO with COMMIT',
    expected: '20 statically; with check disabled 23/22, never 0 silently',
    tests: [
      ['tests/postgres/session-state.test.ts', 'a migration that ends our transaction'],
      ['tests/postgres/session-state.test.ts', 'a migration that throws our transaction away'],
      ['tests/unit/checks/rules/transaction-control.test.ts', ''],
    ],
  },
  {
    row: 'T51',
    fault: 'JS migration swallows a query error',
    expected: '22 (COMMIT tag / status E), first error shown',
    tests: [['tests/postgres/modules.test.ts', 'a query error that it swallows is 22']],
  },
  {
    row: 'T52',
    fault: 'JS migration never resolves; throws non-Error; exits process; opens own pool and leaves it',
    expected: '30..32 by deadline; 22; 22 (exit hook) ; 0 and process still exits',
    tests: [
      ['tests/postgres/modules.test.ts', 'one that never resolves'],
      ['tests/postgres/modules.test.ts', 'one that ends the process itself'],
      ['tests/postgres/modules.test.ts', 'a timer and a connection of its own'],
    ],
  },
  {
    row: 'T53',
    fault: 'CIC/VACUUM/CREATE DATABASE/ALTER SYSTEM/DETACH CONCURRENTLY/REINDEX CONCURRENTLY without marker',
    expected: '20 with line',
    tests: [
      ['tests/postgres/invalid-files.test.ts', 'a statement that cannot run in a transaction'],
      ['tests/unit/checks/rules/alone.test.ts', ''],
    ],
  },
  {
    row: 'T54',
    fault: 'no-tx file: 3 statements, 2nd fails; rerun after fix of 2nd; rerun after change of 1st',
    expected: '23; resumes at 2; 21',
    tests: [
      ['tests/postgres/outside-transaction.test.ts', 'the second: 23 with its place'],
      ['tests/postgres/outside-transaction.test.ts', 'when what had run was changed'],
    ],
  },
  {
    row: 'T55',
    fault: 'CIC unique on duplicate rows',
    expected: '23, invalid index named',
    tests: [['tests/postgres/outside-transaction.test.ts', 'a unique one over duplicate rows']],
  },
  {
    row: 'T56',
    fault: 'CIC IF NOT EXISTS over an existing invalid index',
    expected: '23, not 0',
    tests: [['tests/postgres/outside-transaction.test.ts', 'IF NOT EXISTS over one that was there']],
  },
  {
    row: 'T57',
    fault:
      "sets search_path='', SET ROLE, SET SESSION AUTHORIZATION, statement_timeout=1, client_encoding, default_transaction_read_only; next migration is unqualified",
    expected: '0, second unaffected',
    tests: [['tests/postgres/session-state.test.ts', 'the migration after one that does']],
  },
  {
    row: 'T58',
    fault: 'DISCARD ALL / pg_advisory_unlock_all() / pg_terminate_backend(pg_backend_pid()) inside',
    expected: 'lock loss detected: re-locked or 25/32; never unlocked writing',
    tests: [
      ['tests/postgres/session-state.test.ts', 'a migration that gives our lock away'],
      ['tests/postgres/session-state.test.ts', 'a migration that ends its own session'],
    ],
  },
  {
    row: 'T59',
    fault: 'deferred constraint fails at COMMIT',
    expected: '22, not recorded',
    tests: [['tests/postgres/sql-errors.test.ts', 'a constraint that is deferred']],
  },
  {
    row: 'T60',
    fault: 'ALTER TYPE ADD VALUE and use in one file',
    expected: '20 + hint',
    tests: [['tests/unit/checks/rules/enum-value.test.ts', '']],
  },
  {
    row: 'T61',
    fault: '70-byte identifiers, two colliding at 63 with IF NOT EXISTS',
    expected: '20/22, not 0',
    tests: [
      ['tests/postgres/session-state.test.ts', 'a name of over 63 bytes'],
      ['tests/unit/checks/rules/long-name.test.ts', ''],
    ],
  },
  {
    row: 'T62',
    fault:
      'UTF-8 BOM; CRLF; UTF-16; NUL; invalid UTF-8; U+200B; smart quotes that break the syntax; empty; comment only; no newline at end',
    expected: '0,0,20,20,20,20 named char,20,0 recorded,0 recorded,0',
    tests: [
      ['tests/postgres/files.test.ts', 'a byte order mark and CRLF'],
      ['tests/postgres/invalid-files.test.ts', 'is refused with its place'],
      ['tests/postgres/invalid-files.test.ts', 'an invisible character'],
      ['tests/unit/checks/check-text.test.ts', ''],
    ],
  },
  {
    row: 'T63',
    fault: 'pg_dump output with \\restrict, set_config search_path, COPY blocks',
    expected: '0 if supported else 20 with line; \\connect always 20',
    tests: [
      ['tests/unit/checks/rules/meta-command.test.ts', ''],
      ['tests/unit/checks/rules/copy-data.test.ts', ''],
    ],
  },
  {
    row: 'T64',
    fault:
      'duplicate identity, bad name, directory missing, empty directory, unreadable file, symlink loop, 5 000 files, names 9 vs 10, unicode names',
    expected: '20 each; numeric order right',
    tests: [
      ['tests/postgres/invalid-files.test.ts', ''],
      ['tests/torture/environment.test.ts', 'five thousand files'],
      ['tests/postgres/files.test.ts', 'names may be of any script'],
    ],
  },
  {
    row: 'T65',
    fault: 'applied file edited / CRLF-only edited / renamed / deleted; new file older than last',
    expected: '21 / 0 / 21 / 21 / 21',
    tests: [
      ['tests/postgres/mismatch.test.ts', 'a migration that was changed'],
      ['tests/postgres/mismatch.test.ts', 'a file that is gone'],
      ['tests/postgres/mismatch.test.ts', 'a file of another name'],
      ['tests/postgres/mismatch.test.ts', 'a new file that sorts before'],
      ['tests/postgres/files.test.ts', 'a byte order mark and CRLF'],
    ],
  },
  {
    row: 'T66',
    fault: 'database ahead by 2 (rollback)',
    expected: '0 + warning, no writes, no lock taken',
    tests: [['tests/postgres/mismatch.test.ts', 'a database ahead']],
  },
  {
    row: 'T67',
    fault: '64 MB INSERT file in a 128 MiB container; 300 MB; one statement over 64 MB',
    expected: '0; 0; 20 with advice (no 134/137)',
    tests: [
      ['tests/torture/large.test.ts', 'a migration of'],
      ['tests/torture/large.test.ts', 'one statement of more than'],
    ],
  },
  {
    row: 'T68',
    fault: '200 MB COPY seed',
    expected: '0, RSS < 120 MB',
    tests: [['tests/torture/large.test.ts', 'COPY data as a seed']],
  },
  {
    row: 'T69',
    fault: 'RAISE NOTICE 100 000 times',
    expected: '0, bounded memory and log',
    tests: [['tests/postgres/sql-errors.test.ts', 'notices of the server']],
  },
]
