import type { Format } from '../migration.ts'
import type { Comparing } from '../schema/difference.ts'
import type { AppPattern } from './app-pattern.ts'
import type { Target } from './database/target.ts'
import type { FleetConfig } from './fleet.ts'

/** A column of a table; the schema is null when the search_path decides. */
export interface HistoryColumn {
  readonly schema: string | null
  readonly table: string
  readonly column: string
}

/** The settings of one run: parsed, complete and frozen; durations are milliseconds, 0 means no limit. */
export interface Config {
  /** null for commands that need no database. */
  readonly target: Target | null
  /** What is said when no database is named, null when one is or nobody has asked. */
  readonly unnamed: string | null
  /** Absolute, as every path here. */
  readonly migrationsDir: string
  readonly seedsDir: string
  /** The environment whose seeds run, null for none. */
  readonly seed: string | null
  /** What this database is; guards destructive commands. */
  readonly environment: string
  /** Whose folder layout the migrations have; `auto` leaves it to the marks in the folder. */
  readonly format: 'auto' | Format
  /** The column of a home-made history that is taken over, null for none. */
  readonly adopt: HistoryColumn | null
  /** Whether the folder's own tool gets the rows that it would have written. */
  readonly writeBack: boolean
  /** Values of placeholders in migrations, by their names. */
  readonly placeholders: Readonly<Record<string, string>>
  readonly schema: string
  /** Whether that schema is a tenant's own, in which our tables stand among its tables. */
  readonly tenant: boolean
  /** Where the leases are: that of our tables, or what all tenants of a database share. */
  readonly leaseSchema: string
  readonly fleet: FleetConfig
  readonly waitTimeoutMs: number
  readonly authGraceMs: number
  readonly lockWaitMs: number
  readonly lockTimeoutMs: number
  readonly lockRetryMs: number
  readonly statementTimeoutMs: number
  readonly deadlineMs: number
  readonly outOfOrder: 'auto' | 'error' | 'apply'
  readonly missing: 'error' | 'ignore'
  readonly invalidIndexes: 'fail' | 'drop'
  readonly createDatabase: boolean
  /** When `up` applies migrations that wait for the older version to be gone. */
  readonly contract: 'defer' | 'when-safe' | 'always'
  /** What is done about a live schema that is not the one of the bundle. */
  readonly verify: 'warn' | 'fail' | 'off'
  readonly comparing: Comparing
  /** What the lease of this version says, null when nobody has told. */
  readonly appVersion: string | null
  /** How the application's sessions are called; none when nobody has told. */
  readonly appPatterns: readonly AppPattern[]
  readonly leaseTtlMs: number
  readonly contractGraceMs: number
  /** A server on which databases may be made and dropped, null when none is named. */
  readonly shadow: Target | null
  readonly logFormat: 'text' | 'json'
  readonly logLevel: 'warn' | 'info' | 'debug'
  readonly logDetail: 'on' | 'off'
  readonly terminationLog: string
  /** What must never be printed; grows when a credential is read again and is another. */
  readonly secrets: readonly string[]
  /** Things said about the configuration that do not stop a run. */
  readonly warnings: readonly string[]
}
