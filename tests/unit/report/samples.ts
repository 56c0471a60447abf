import { Failure } from '../../../src/errors.ts'
import type { Event } from '../../../src/events.ts'

/** A failure with everything a failure can say. */
export const fullFailure = new Failure('FAILED', '0003_documents failed and was rolled back', {
  place: { file: 'migrations/0003_documents.sql', line: 12, column: 8, text: 'create tabel documents (' },
  sqlstate: '42601',
  reason: 'syntax error at or near "tabel"',
  detail: 'first line\nsecond line',
  hint: 'spell it "table"',
  where: 'SQL statement "select 1"\nPL/pgSQL function f() line 1 at SQL statement',
  list: ['public.documents', 'public.users'],
  problems: [
    { what: 'no such type', place: { file: 'a.sql', line: 1, column: 1, text: 'x' }, next: 'create it' },
    { what: 'no place for this one' },
  ],
  next: 'correct the file and start again',
})

/** One event of each type. */
export const samples: { readonly [T in Event['type']]: Extract<Event, { type: T }> } = {
  start: {
    type: 'start',
    command: 'up',
    version: '0.1.0',
    bundle: './migrations',
    migrations: 6,
    target: 'app on db:5432 as app',
    source: 'DATABASE_URL',
  },
  warning: { type: 'warning', message: 'UPFRONT_FOO is not a setting' },
  waiting: { type: 'waiting', reason: 'connection refused', target: 'db:5432', elapsedMs: 20 },
  ready: { type: 'ready', serverVersion: '18.4', elapsedMs: 1100 },
  up_to_date: { type: 'up_to_date', migrations: 6, seed: null },
  held_back: { type: 'held_back', names: ['0007_new'] },
  deferred: { type: 'deferred', names: ['0007_gone'], why: ['"web-1" holds a lease'] },
  adopted: {
    type: 'adopted',
    names: ['20250101000000_init', '20250102000000_users'],
    from: 'prisma',
    table: 'public._prisma_migrations',
  },
  held: { type: 'held', lease: '7c0e', version: '1.4.2', ttlMs: 60_000 },
  not_renewed: { type: 'not_renewed', lease: '7c0e', reason: 'connect ECONNREFUSED', leftMs: 40_000 },
  released: { type: 'released', lease: '7c0e' },
  ahead: { type: 'ahead', names: ['0007_new', '0008_newer'] },
  lock_waiting: { type: 'lock_waiting', holder: 'pid 42 on web-1', elapsedMs: 12_000 },
  connection_lost: { type: 'connection_lost', reason: 'Connection terminated unexpectedly' },
  retrying: { type: 'retrying', name: '0002_users', reason: 'lock timeout', delayMs: 800 },
  applying: { type: 'applying', name: '0001_extensions' },
  applied: { type: 'applied', name: '0001_extensions', durationMs: 12.4 },
  seeded: { type: 'seeded', name: 'development/010_users.sql', durationMs: 3 },
  blocked: {
    type: 'blocked',
    name: '0002_users',
    blockers: [{ pid: 42, application: 'web', user: 'web', state: 'idle in transaction', forMs: 61_000, query: '' }],
    elapsedMs: 5_000,
  },
  tenant: {
    type: 'tenant',
    name: 'tenant_7',
    state: 'failed',
    code: 'BUSY',
    reason: 'lock timeout',
    durationMs: 5_100,
  },
  fleet: { type: 'fleet', command: 'fleet up', done: 3, nothing: 4, failed: 1, notTried: 2, elapsedMs: 61_000 },
  progress: { type: 'progress', name: '0002_users', phase: 'create index: building', percent: 40, elapsedMs: 3_000 },
  reverted: { type: 'reverted', name: '0002_users', durationMs: 5 },
  reset: { type: 'reset', objects: 12, durationMs: 34.5 },
  pending: { type: 'pending', names: ['0007_new'], elapsedMs: 250 },
  baselined: { type: 'baselined', name: '0001_extensions' },
  verified: { type: 'verified', objects: 96, elapsedMs: 41 },
  drift: {
    type: 'drift',
    differences: ['missing column app.users.email: text not null', 'unexpected table app.scratch'],
  },
  repaired: { type: 'repaired', action: 'done', name: '0002_users', meaning: 'it counts as applied' },
  notice: { type: 'notice', name: '0002_users', severity: 'NOTICE', message: 'relation "users" exists, skipping' },
  interrupted: { type: 'interrupted', signal: 'SIGTERM' },
  done: { type: 'done', applied: 6, seeded: 3, reverted: 0, recorded: 0, elapsedMs: 200 },
  failed: {
    type: 'failed',
    failure: fullFailure,
    applied: ['0001_extensions', '0002_users'],
    notRun: ['0004_a', '0005_b', '0006_c', '0007_d'],
  },
}

/** A stream that remembers. */
export function collect(isTTY = false) {
  const written: string[] = []
  return { isTTY, write: (text: string) => written.push(text), text: () => written.join('') }
}
