import type { ClientBase } from 'pg'

/** What a module's functions get besides the client. */
export interface MigrationContext {
  /** Aborted when the run has to stop; pass it on to whatever takes one. */
  readonly signal: AbortSignal
  /** Says something in the log of the run. */
  readonly log: (message: string) => void
}

export type MigrationFunction = (client: ClientBase, context: MigrationContext) => Promise<void>

/** A migration or a seed as code: what the file exports. */
export interface MigrationModule {
  readonly up: MigrationFunction
  readonly down?: MigrationFunction
  /** false runs it outside of a transaction; default true. */
  readonly transaction?: boolean
}
