import type { Row } from './row.ts'

/** Death and partition. */
export const death: readonly Row[] = [
  {
    row: 'T31',
    fault: 'SIGKILL runner at every message k (tx scenario)',
    expected: '= clean; next runner not blocked > 5 s',
    tests: [
      ['tests/torture/enumeration.test.ts', 'SIGKILL, at every message'],
      ['tests/torture/enumeration.test.ts', 'SIGKILL when it is done'],
      ['tests/torture/death.test.ts', 'SIGKILL while the lock is held'],
    ],
  },
  {
    row: 'T32',
    fault: 'SIGKILL during 30 s statement',
    expected: 'rolled back, lock freed < 5 s',
    tests: [['tests/torture/death.test.ts', 'SIGKILL inside a long statement']],
  },
  {
    row: 'T33',
    fault: 'SIGKILL during CIC blocked by a writer',
    expected: 'next run 23 (or 0 with UPFRONT_INVALID_INDEXES=drop), never 0 with invalid index',
    tests: [['tests/postgres/outside-transaction.test.ts', 'SIGKILL while it waits for a reader']],
  },
  {
    row: 'T34',
    fault: 'black hole at every k (iptables DROP), no FIN',
    expected: 'runner 32 within keepalive window; successor proceeds < 60 s',
    tests: [
      ['tests/torture/enumeration.test.ts', 'a black hole before it'],
      ['tests/torture/enumeration.test.ts', 'a black hole after it'],
      ['tests/torture/partition.test.ts', 'inside a statement'],
    ],
  },
  {
    row: 'T35',
    fault: 'node loss: runner and proxy gone, server unaware, successor starts at once',
    expected: 'successor waits then 0',
    tests: [['tests/torture/partition.test.ts', 'its node is lost']],
  },
  {
    row: 'T36',
    fault: 'drop COMMIT request / drop COMMIT reply',
    expected: '0 both (resolved by history), I1',
    tests: [
      ['tests/torture/enumeration.test.ts', 'drop the request'],
      ['tests/torture/enumeration.test.ts', 'drop the reply'],
      ['tests/postgres/lost-connection.test.ts', 'COMMIT number'],
    ],
  },
  {
    row: 'T37',
    fault: 'connection RST at every k',
    expected: '0 after internal retry, or 32 = clean',
    tests: [['tests/torture/enumeration.test.ts', 'reset, at every message']],
  },
  {
    row: 'T38',
    fault: '`pg_terminate_backend` at every k; while idle holding lock',
    expected: "0 or 32 = clean; no unhandled 'error' crash",
    tests: [
      ['tests/torture/enumeration.test.ts', 'terminate the backend'],
      ['tests/torture/death.test.ts', 'pg_terminate_backend while it is'],
    ],
  },
  {
    row: 'T39',
    fault: 'server stop fast / immediate / backend kill -9 mid-body',
    expected: '0 after restart within deadline, else 32',
    tests: [
      ['tests/postgres/lost-connection.test.ts', 'a server restarted'],
      ['tests/torture/death.test.ts', 'kill -9 of our backend'],
      ['tests/torture/crash.test.ts', 'the server stops (immediate)'],
    ],
  },
  {
    row: 'T40',
    fault: 'failover: primary -> standby promoted without last commits',
    expected: 'history consistent, rerun 0',
    tests: [['tests/torture/standby.test.ts', 'T40']],
  },
  {
    row: 'T41',
    fault: 'sync standby missing: COMMIT waits',
    expected: '30/32 at deadline; state resolved on rerun; never "rolled back" if committed',
    tests: [['tests/torture/standby.test.ts', 'T41']],
  },
  {
    row: 'T42',
    fault: 'SIGTERM: while waiting DB / waiting lock / mid-statement / between / during COMMIT / during CIC',
    expected: '143 < 8 s (CIC: 23); history truthful',
    tests: [
      ['tests/torture/death.test.ts', 'to process 1 while Node itself starts'],
      ['tests/postgres/signals.test.ts', 'SIGTERM while waiting for the server'],
      ['tests/postgres/signals.test.ts', 'SIGTERM while waiting for the lock'],
      ['tests/postgres/signals.test.ts', 'SIGTERM inside a statement'],
      ['tests/torture/enumeration.test.ts', 'SIGTERM'],
      ['tests/torture/standby.test.ts', 'T42'],
      ['tests/postgres/outside-transaction.test.ts', 'SIGTERM while it waits for a reader'],
    ],
  },
  {
    row: 'T43',
    fault: 'SIGTERM twice; SIGINT; SIGHUP',
    expected: '143/130, immediate on second',
    tests: [
      ['tests/postgres/signals.test.ts', 'a second signal ends it at once'],
      ['tests/postgres/signals.test.ts', 'SIGINT inside a statement'],
      ['tests/torture/death.test.ts', 'SIGHUP inside a statement'],
    ],
  },
  {
    row: 'T44',
    fault: 'docker stop with 10 s grace in long statement',
    expected: '143 not 137',
    tests: [['tests/image/signals.test.ts', 'inside a migration rolls it back']],
  },
  {
    row: 'T45',
    fault: 'OOM-kill runner (137) at random',
    expected: '= clean',
    tests: [['tests/torture/enumeration.test.ts', 'SIGKILL']],
  },
  {
    row: 'T46',
    fault: 'paused container (SIGSTOP 2 min) then resumed while another took over',
    expected: 'resumed runner detects lost session; I6; exit 32 or 0',
    tests: [['tests/torture/death.test.ts', 'a runner that stands still']],
  },
  {
    row: 'T47',
    fault: 'clock jumps +-1 h',
    expected: 'deadlines unaffected (monotonic)',
    tests: [['tests/torture/environment.test.ts', 'the clock of the machine jumps']],
  },
]
