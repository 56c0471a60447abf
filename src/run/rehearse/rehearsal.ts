import type { Failure, Place } from '../../errors.ts'
import type { Difference } from '../../schema/difference.ts'

/** The modes in which a table is locked, weakest first, as pg_locks calls them. */
export const lockModes = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const

export type LockMode = (typeof lockModes)[number]

/** Where the rehearsal took place. */
export type Stage = 'embedded' | 'shadow' | 'clone' | 'target'

/** All that a rehearsal has found out. */
export interface Rehearsal {
  readonly stage: Stage
  /** The digest of the bundle. */
  readonly bundle: string
  /** Versions as Postgres says them: of the server that it took place on, and of the target. */
  readonly server: string
  readonly targetServer: string
  readonly migrations: readonly RehearsedMigration[]
  /** What the target says of the tables that are touched and there, by their names. */
  readonly sizes: ReadonlyMap<string, TableSize>
  /** What the schema becomes; null when that was not found out. */
  readonly difference: Difference | null
  /** What is to be known of how far all this can be trusted, as sentences. */
  readonly notes: readonly string[]
  /** Why a migration failed, null when all went through. */
  readonly failure: Failure | null
}

/** A table of the target; a partitioned one with all its partitions. */
export interface TableSize {
  /** As Postgres estimates them, null when nobody has counted yet. */
  readonly rows: number | null
  /** With indexes and TOAST. */
  readonly bytes: number
}

/** One pending migration, and what came of it. */
export interface RehearsedMigration {
  readonly kind: 'migration' | 'repeatable'
  readonly name: string
  readonly file: string
  readonly how: 'transaction' | 'statement by statement' | 'module'
  readonly statements: readonly RehearsedStatement[]
  /** What COMMIT took, together with what was deferred until then; null where there was none. */
  readonly commitMs: number | null
  /** Set when it did not go through. */
  readonly failed?: FailedAt
}

/** Where a migration failed. */
export interface FailedAt {
  /** Of the statements, from 1; null when that is not known. */
  readonly statement: number | null
  readonly place?: Place
  /** Set when all of it went through, and its assertion does not hold. */
  readonly assertion?: true
}

/** One statement, or as many as were sent together. */
export interface RehearsedStatement {
  /** From 1; the same as `last` for one statement. */
  readonly first: number
  readonly last: number
  /** In the file, from 1. */
  readonly line: number
  /** What was sent, without what stands around it; of code its file. */
  readonly sql: string
  /** Since the rehearsal of all began. */
  readonly beginMs: number
  readonly ms: number
  /** Statements with the same number share a transaction; null for one that none may hold. */
  readonly transaction: number | null
  /** What it has taken, and its transaction had not yet. */
  readonly locks: readonly Lock[]
  /** What it did to tables and indexes that are there for longer. */
  readonly work: readonly Work[]
  /** What it has made, and taken away, by qualified names. */
  readonly created: readonly string[]
  readonly dropped: readonly string[]
}

/** A lock as pg_locks showed it. */
export interface Lock {
  /** Qualified and quoted, as the target calls it. */
  readonly relation: string
  readonly kind: RelationKind
  /** The table of an index, else null. */
  readonly table: string | null
  /** The table that it is a partition of, at the top; else null. */
  readonly root: string | null
  readonly mode: LockMode
  /** Whether it was there before the rehearsal, so that somebody may be using it. */
  readonly existing: boolean
  /** Who saw it: the session itself, or another one while it waited. */
  readonly seenBy: 'itself' | 'witness'
}

export type RelationKind = 'table' | 'index' | 'view' | 'materialized view' | 'sequence' | 'foreign table'

/** Work that grows with a table, and is not over before the lock that it needs is let go. */
export interface Work {
  readonly what: 'rewrites' | 'builds' | 'scans' | 'empties'
  readonly table: string
  readonly root: string | null
  /** The index that is built, else null. */
  readonly index: string | null
  readonly existing: boolean
}

/** As people write it: `ACCESS EXCLUSIVE`. */
export function spellMode(mode: LockMode): string {
  return mode
    .replace(/Lock$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
}

/** Whom a lock keeps away, null for nobody who reads or writes. */
export function blocks(mode: LockMode): 'readers and writers' | 'writers' | null {
  if (mode === 'AccessExclusiveLock') return 'readers and writers'
  return lockModes.indexOf(mode) >= lockModes.indexOf('ShareLock') ? 'writers' : null
}
