import { type Own, call } from './api/call.ts'
import type { HeldLease } from './api/hold.ts'
import type { Options } from './api/options.ts'
import { commands } from './commands/index.ts'
import { Failure, type FailureCode, type FailureFacts, failures } from './errors.ts'
import type { Event } from './events.ts'

export { Failure, failures }
export type { Event, FailureCode, FailureFacts, Options }
export type { HeldLease } from './api/hold.ts'
export { createTestDatabase, dropTestDatabases } from './api/test-database.ts'
export type { TestDatabase } from './api/test-database.ts'
export type { MigrationContext, MigrationModule as Migration } from './run/modules/contract.ts'

export interface UpResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  readonly seeded: readonly string[]
  /** What a newer image had applied before. */
  readonly ahead: readonly string[]
}

export interface StatusResult {
  readonly state: 'up_to_date' | 'pending' | 'mismatch'
  readonly bundle: string
  readonly migrations: readonly StatusEntry[]
  readonly seeds: readonly StatusEntry[]
}

export interface StatusEntry {
  readonly name: string
  readonly state:
    'applied' | 'baseline' | 'running' | 'pending' | 'out_of_order' | 'changed' | 'missing' | 'ignored' | 'ahead'
  readonly applied_at: string | null
  readonly duration_ms: number | null
}

/** Waits, locks, migrates, seeds; resolves with what was applied, throws a Failure with its code. */
export async function up(options: Options): Promise<UpResult> {
  const applied: string[] = []
  const seeded: string[] = []
  let ahead: readonly string[] = []
  const hear = (event: Event) => {
    if (event.type === 'applied') applied.push(event.name)
    if (event.type === 'seeded') seeded.push(event.name)
    if (event.type === 'ahead') ahead = event.names
  }
  await command('up', options, { hear })
  return { applied, seeded, ahead }
}

/** What is applied, what is pending, what does not match; writes nothing. */
export async function status(options: Options): Promise<StatusResult> {
  return JSON.parse(await command('status', options, { flags: { json: true } })) as StatusResult
}

/** Resolves when the database has every migration of the folder; throws PENDING or NOT_READY when it has not in time. */
export async function wait(options: Options): Promise<void> {
  await command('wait', options)
}

/**
 * Waits as `wait` does, then keeps a lease that says: this version lives, until it is released or `options.signal` is
 * aborted. Once held, a lost database does not end it, which `onEvent` hears of; it does not keep the process alive.
 */
export async function hold(options: Options): Promise<HeldLease> {
  return (await import('./api/hold.ts')).hold(options)
}

/** Runs one command; resolves with what it answers. */
async function command(name: string, options: Options, own: Own = {}): Promise<string> {
  let answered = ''
  const execute = await commands[name]!.load()
  await call(options, (run) => execute({ ...run, answer: (text) => (answered += text) }), own)
  return answered
}
