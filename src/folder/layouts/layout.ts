import type { Problem } from '../../errors.ts'
import type { MigrationName } from '../names.ts'

/** A migration as files: where its up is, and its down when that is a file of its own. */
export interface SourceMigration extends MigrationName {
  /** File name inside the folder. */
  readonly file: string
  readonly kind: 'sql' | 'module'
  readonly downFile: string | null
}

/** What a layout makes of a folder. */
export interface Listing {
  readonly migrations: readonly SourceMigration[]
  readonly problems: readonly Problem[]
}
