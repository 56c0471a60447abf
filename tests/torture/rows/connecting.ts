import type { Row } from './row.ts'

/** Getting a connection. */
export const connecting: readonly Row[] = [
  {
    row: 'T1',
    fault: 'server stopped, never starts, deadline 5 s',
    expected: '30, within 5-6 s, last reason ECONNREFUSED',
    tests: [['tests/postgres/wait.test.ts', 'a server that never comes']],
  },
  {
    row: 'T2',
    fault: 'server starts after 4 s (refused -> 57P03 -> ok)',
    expected: '0',
    tests: [['tests/postgres/wait.test.ts', 'a server that comes late']],
  },
  {
    row: 'T3',
    fault: 'fresh official image with slow initdb.d (10 s), only TCP',
    expected: '0, no attempt succeeds during temp server',
    tests: [['tests/image/manners.test.ts', 'busy with its first start']],
  },
  {
    row: 'T4',
    fault: 'socket volume shared with temp server',
    expected: '0, only after the real server (start time check)',
    tests: [['tests/torture/connect.test.ts', 'a socket shared with the temporary server']],
  },
  {
    row: 'T5',
    fault: 'DNS NXDOMAIN then appears at 3 s',
    expected: '0; never -> 30 with host hint',
    tests: [
      ['tests/torture/connect.test.ts', 'that knows the name only after'],
      ['tests/torture/connect.test.ts', 'that never knows it'],
    ],
  },
  {
    row: 'T6',
    fault: 'EAI_AGAIN for 3 s',
    expected: '0',
    tests: [['tests/torture/connect.test.ts', 'that cannot say for']],
  },
  {
    row: 'T7',
    fault: 'host resolves to dead IPv6 + live IPv4 (AggregateError)',
    expected: '0; all dead -> 30 with non-empty message',
    tests: [
      ['tests/torture/connect.test.ts', 'a dead IPv6 address'],
      ['tests/torture/connect.test.ts', 'dead addresses only'],
    ],
  },
  {
    row: 'T8',
    fault: 'TCP accepts, never answers',
    expected: '30 at deadline (no hang)',
    tests: [['tests/postgres/wait.test.ts', 'accepts and never answers']],
  },
  {
    row: 'T9',
    fault: 'accepts then closes / RST / speaks HTTP',
    expected: '30, reason named',
    tests: [['tests/postgres/wait.test.ts', 'something that']],
  },
  {
    row: 'T10',
    fault: 'server in crash recovery 5 s; `hot_standby=off` standby',
    expected: '0 / 30',
    tests: [
      ['tests/torture/crash.test.ts', 'the server stops (immediate)'],
      ['tests/torture/standby.test.ts', 'T10'],
    ],
  },
  {
    row: 'T11',
    fault: 'wrong password; unknown role; expired role; NOLOGIN; no pg_hba',
    expected: '24 < 8 s, one message each, password never shown',
    tests: [
      ['tests/postgres/wait.test.ts', 'a wrong password'],
      ['tests/postgres/wait.test.ts', 'may not log in'],
      ['tests/torture/connect.test.ts', 'unknown, expired and shut out roles'],
    ],
  },
  {
    row: 'T12',
    fault: 'role created 3 s later, within UPFRONT_AUTH_GRACE',
    expected: '0',
    tests: [['tests/postgres/wait.test.ts', 'a role that is made within the grace']],
  },
  {
    row: 'T13',
    fault: 'database missing; with UPFRONT_CREATE_DATABASE=true; two runners create at once',
    expected: '24; 0; 0+0',
    tests: [
      ['tests/postgres/wait.test.ts', 'no such database'],
      ['tests/postgres/wait.test.ts', 'UPFRONT_CREATE_DATABASE makes it'],
    ],
  },
  {
    row: 'T14',
    fault: 'self-signed, expired, wrong host, server without TLS, sslmode matrix',
    expected: '24 at once; require/verify-ca/verify-full behave as libpq',
    tests: [
      ['tests/torture/tls.test.ts', ''],
      ['tests/postgres/tls.test.ts', 'a server with TLS'],
      ['tests/postgres/tls.test.ts', 'a certificate that cannot be verified'],
    ],
  },
  {
    row: 'T15',
    fault: 'max_connections exhausted 5 s / for ever',
    expected: '0 / 30',
    tests: [
      ['tests/postgres/wait.test.ts', 'too many connections are waited for'],
      ['tests/torture/connect.test.ts', 'too many connections for ever'],
    ],
  },
  {
    row: 'T16',
    fault: 'unparsable URL, key=value DSN, empty, multi-host, port 99999, password with @ : / % #',
    expected: '2 with reason; multi-host and special characters work',
    tests: [
      ['tests/unit/config/database/connection.test.ts', ''],
      ['tests/postgres/wait.test.ts', 'several hosts are tried in order'],
    ],
  },
  {
    row: 'T17',
    fault: 'connected to standby; promoted after 5 s',
    expected: '0; never promoted -> 30',
    tests: [['tests/torture/standby.test.ts', 'T17']],
  },
  {
    row: 'T18',
    fault: '`default_transaction_read_only=on`',
    expected: '25',
    tests: [['tests/torture/connect.test.ts', 'read only and no standby']],
  },
  {
    row: 'T19',
    fault: 'PgBouncer up, server down then up after 5 s (server_login_retry)',
    expected: '0',
    tests: [['tests/torture/pgbouncer.test.ts', 'T19']],
  },
  {
    row: 'T20',
    fault: 'server version too old / not Postgres (Cockroach: try lock always true)',
    expected: '25',
    tests: [['tests/torture/connect.test.ts', 'version 13']],
  },
]
