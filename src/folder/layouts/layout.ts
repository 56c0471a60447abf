import type { Dirent } from 'node:fs'
import type { Problem } from '../../errors.ts'
import type { Format, Identity, Origin } from '../../migration.ts'

/** A migration as files: where its up is, and its down when that is a file of its own. */
export interface SourceMigration {
  /** What our history calls it; unique in the folder, in NFC, fit to be a path below a folder. */
  readonly name: string
  /** Path inside the folder. */
  readonly file: string
  readonly kind: 'sql' | 'module'
  /** Path inside the folder. */
  readonly downFile: string | null
  /** Path inside the folder of what has to be true once it has run; only our own layout has it. */
  readonly verifyFile?: string
  /** Why it cannot run here, which matters only while it is pending: code that needs the other tool's library. */
  readonly cannotRun?: Identity['cannotRun']
  /** Takes a text apart whose parts the other tool has marked; absent where a whole file is one up. */
  readonly parts?: (text: string) => Parts
  /** Set when the tool runs the file outside a transaction, and says so elsewhere than in its text. */
  readonly outside?: true
  /** What the tool's history says of it, from the bytes of `file`; absent in a plain folder. */
  readonly origin?: (bytes: Buffer) => Origin
}

/** A file of a layout that has both directions, or other marks, in one text. */
export interface Parts {
  /** The text that identifies the migration where it is not `up`: what that was before placeholders were replaced. */
  readonly identity?: string
  /** What runs; each line at the place that it has in the file (blank lines stand for what is left out). */
  readonly up: string
  /** What takes it back, likewise; null without. */
  readonly down: string | null
  /** Whether the tool runs it outside a transaction. */
  readonly outside: boolean
  readonly downOutside?: boolean
  /** What the tool itself would refuse: 1-based lines of the file. */
  readonly problems: readonly { readonly line: number; readonly what: string; readonly next: string }[]
}

/** What a layout makes of a folder. */
export interface Listing {
  /** In the order in which they run. */
  readonly migrations: readonly SourceMigration[]
  readonly problems: readonly Problem[]
  /** Those that run again whenever they have changed, in the order in which they run after all others. */
  readonly repeatable?: readonly SourceMigration[]
  /** What a person should know and nothing stops for: a file that the tool passes over. */
  readonly notices?: readonly Problem[]
  /** Set where it depends on the folder whether the tool applies what is pending although a later one was applied. */
  readonly appliesLate?: boolean | undefined
}

/** How a folder of one tool is recognised and read. */
export interface Layout {
  readonly format: Format
  /** Whether the folder bears marks that no other tool makes; throws only what the folder throws. */
  readonly detect: (folder: Folder) => boolean
  /** Lists its migrations; `shown` is the folder in messages. */
  readonly list: (folder: Folder, shown: string) => Listing
  /** Whether a statement that no transaction may hold makes the tool run its whole file outside one. */
  readonly leavesTransactions?: true
}

/**
 * A folder as a layout sees it; everything is read once, when it is asked for, and what the user of this process may not
 * read throws INVALID.
 */
export interface Folder {
  readonly dir: string
  /** Values of placeholders, by their names. */
  readonly placeholders: ReadonlyMap<string, string>
  /** What the folder itself holds, hidden or not, in the order of the file system; throws when it cannot be read. */
  readonly dirents: readonly Dirent[]
  /** Names of the entries that do not begin with a dot, sorted by code point; a folder's ends in a slash. */
  readonly entries: readonly string[]
  /** The same of a folder inside, by its path; empty when there is none. */
  readonly entriesOf: (path: string) => readonly string[]
  /** The text of a file without its byte order mark; null when there is none or it is not UTF-8. */
  readonly read: (path: string) => string | null
  /** Whether there is such a file or folder, by a path that may lead out of the folder (`../schema.prisma`). */
  readonly has: (path: string) => boolean
  /** Whether the beginning (8 KiB) of one of the first or the last three .sql files of the folder itself matches. */
  readonly someSql: (pattern: RegExp) => boolean
}
