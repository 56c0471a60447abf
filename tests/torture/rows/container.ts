import type { Row } from './row.ts'

/** The container. */
export const container: readonly Row[] = [
  {
    row: 'T81',
    fault: 'read-only rootfs, no /tmp, random UID, drop ALL, no-new-privileges, seccomp default',
    expected: '0',
    tests: [['tests/image/hardened.test.ts', '']],
  },
  {
    row: 'T82',
    fault: 'no /dev/termination-log; unwritable; present (assert <= 1 KiB, first 512 bytes suffice)',
    expected: 'same code as without',
    tests: [
      ['tests/postgres/termination.test.ts', ''],
      ['tests/image/manners.test.ts', 'that cannot be written'],
    ],
  },
  {
    row: 'T83',
    fault: 'stdout closed / pipe reader gone (EPIPE) / slow reader',
    expected: 'same code, no crash',
    tests: [
      ['tests/postgres/termination.test.ts', 'a reader of the log that has gone away'],
      ['tests/torture/environment.test.ts', 'a reader of the log that is slow'],
      ['tests/torture/environment.test.ts', 'a reader of the log that takes nothing more'],
    ],
  },
  {
    row: 'T84',
    fault: 'X and X_FILE both set; file missing; trailing newline; CRLF; directory',
    expected: '2 / 2 / ok / ok / 2',
    tests: [
      ['tests/unit/config/load.test.ts', 'X_FILE'],
      ['tests/postgres/secrets.test.ts', 'a password from a file'],
      ['tests/image/manners.test.ts', 'may come in a file'],
    ],
  },
  {
    row: 'T85',
    fault: 'compose up twice; up --wait; abort-on-container-failure; podman-compose',
    expected: '0, app starts only after 0',
    tests: [['tests/image/compose.test.ts', '']],
    notRun: 'podman-compose, and `up --wait` and `--abort-on-container-failure` of Compose v2',
  },
  {
    row: 'T86',
    fault: 'kind: Deployment 20 replicas; Job started twice; Helm upgrade+rollback; Argo PreSync rerun',
    expected: 'one writer, all 0',
    tests: [['tests/postgres/concurrency.test.ts', 'eight processes at one instant']],
    notRun: 'a Kubernetes API server, Helm, Argo CD',
  },
  {
    row: 'T87',
    fault: 'native sidecar proxy late by 10 s',
    expected: '0',
    tests: [['tests/torture/connect.test.ts', 'a proxy beside us']],
  },
  {
    row: 'T88',
    fault: 'arm64 image under qemu; NO_COLOR/TTY; TZ=Asia/Tokyo; LANG=C',
    expected: 'identical bytes of log apart from times',
    tests: [['tests/image/manners.test.ts', 'the same in every time zone']],
    notRun: 'arm64 under qemu',
  },
]
