import { Failure } from '../../errors.ts'
import type { Migration } from '../../migration.ts'
import type { StepContext } from '../apply/step.ts'
import type { FailedAt, RehearsedMigration, RehearsedStatement } from './rehearsal.ts'
import type { Unit } from './units.ts'
import type { Effects, Watcher } from './look/watcher.ts'

/** What every migration is rehearsed with. */
export interface Rehearsing {
  readonly on: StepContext
  readonly watcher: Watcher
  /** The server's clock when it began, in milliseconds. */
  readonly begun: number
  /** Numbers the transactions. */
  readonly nextTransaction: () => number
  /**
   * Set when all of it shares one transaction that is open and will be rolled back: the statement that bounds the next one,
   * which fails when there is no time left.
   */
  readonly within?: { readonly transaction: number; readonly bound: () => string }
}

/** A pending migration, as which it is recorded. */
export interface PendingMigration {
  readonly kind: 'migration' | 'repeatable'
  readonly one: Migration
}

/** What became of a migration: what was seen of it, and the error that ended it. */
export interface Outcome {
  readonly rehearsed: RehearsedMigration
  readonly error?: unknown
}

/** Where a migration failed; the place of an assertion is in another file, and none of its own. */
export function failedAtPlace({ file, assertion }: Migration, error: unknown, statement: number | null): FailedAt {
  const { place } = error instanceof Failure ? error.facts : {}
  if (place !== undefined && place.file === assertion?.file) return { statement: null, assertion: true }
  return { statement, ...(place?.file === file ? { place } : {}) }
}

/** When something was sent and answered, by the server's clock. */
export interface Timed {
  readonly from: number
  readonly to: number
  readonly transaction: number | null
}

export function rehearsedStatement(
  { begun }: Pick<Rehearsing, 'begun'>,
  { first, last, line, sql, kind }: Unit,
  { from, to, transaction }: Timed,
  effects: Effects,
): RehearsedStatement {
  const times = { beginMs: Math.max(0, from - begun), ms: Math.max(0, to - from) }
  return { first, last, line, sql: sql.trim(), ...times, transaction, ...effects, work: workOf(kind, effects.work) }
}

/** TRUNCATE gives a table a new file too, but an empty one. */
function workOf(kind: string | null, work: Effects['work']): Effects['work'] {
  if (kind !== 'TruncateStmt') return work
  return work.flatMap((one) => (one.what === 'rewrites' ? [{ ...one, what: 'empties' as const }] : []))
}
