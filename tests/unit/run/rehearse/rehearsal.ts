// Rehearsals made up for tests of what is said of them.
import type { Lock, Rehearsal, RehearsedStatement, Work } from '../../../../src/run/rehearse/rehearsal.ts'

export const GB = 1024 ** 3

export function lock(relation: string, mode: Lock['mode'] = 'AccessExclusiveLock', more: Partial<Lock> = {}): Lock {
  return { relation, kind: 'table', table: null, root: null, mode, existing: true, seenBy: 'itself', ...more }
}

export function work(what: Work['what'], table: string, more: Partial<Work> = {}): Work {
  return { what, table, root: null, index: null, existing: true, ...more }
}

export function statement(line: number, more: Partial<RehearsedStatement> = {}): RehearsedStatement {
  const base = { first: line, last: line, line, sql: `statement ${line}`, beginMs: line, ms: 1, transaction: 1 }
  return { ...base, locks: [], work: [], created: [], dropped: [], ...more }
}

export function rehearsal(
  statements: readonly RehearsedStatement[],
  sizes: Readonly<Record<string, number>> = {},
): Rehearsal {
  return {
    stage: 'shadow',
    bundle: 'v1:sha256:0',
    server: '18.4',
    targetServer: '16.3',
    migrations: [
      { kind: 'migration', name: '001_m', file: 'migrations/001_m.sql', how: 'transaction', statements, commitMs: 1 },
    ],
    sizes: new Map(Object.entries(sizes).map(([name, bytes]) => [name, { rows: 1, bytes }])),
    difference: null,
    notes: [],
    failure: null,
  }
}
