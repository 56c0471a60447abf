import type { Format, Origin } from '../../../migration.ts'

/** How the row is written that the tool itself would have written, for those who run both for a while. */
export interface WriteBack {
  readonly format: Format
  /** What the tool calls its table. */
  readonly table: string
  /** Where the tool makes it; absent where that is the first schema of the search_path. */
  readonly schema?: string
  /** Makes that table as the tool does, for this migration and those behind it; only run when there is none. */
  readonly create: (first: Omit<Written, 'columns'>) => string
  /** Statements that write, each fit to be in a WITH together with the others; all see the table as it was before. */
  readonly row: (one: Written) => readonly string[]
  /** The same for a migration that is taken back. */
  readonly remove: (one: Written) => readonly string[]
}

/** A migration that has been applied. */
export interface Written {
  /** The tool's table, as SQL writes it. */
  readonly table: string
  /** Those that it has: an earlier version of the tool may have made it. */
  readonly columns: ReadonlySet<string>
  /** What our history calls it. */
  readonly name: string
  readonly origin: Origin
  /** The key of the migration before it, null for the first. */
  readonly previous: string | null
  /** A text as a literal that is the same in every encoding. */
  readonly literal: (text: string) => string
}
