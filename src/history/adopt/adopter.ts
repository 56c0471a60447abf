import type { Format, Identity, Origin } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { TablePlace } from './find-table.ts'

/** How the history of one tool is read; the tool's tables are never changed by it. */
export interface Adopter {
  readonly format: Format
  /** What its table is called where nobody says otherwise: without a relation of that name the tool has no history. */
  readonly table: string
  /**
   * Its rows in the order in which they were applied, null when the tool has no history here. Needs only the right to
   * read that table; throws what the server says. With a place it looks there, whatever the table is called.
   */
  readonly read: (session: Session, elsewhere?: TablePlace) => Promise<ForeignHistory | null>
  /** What its keys are made of; set where the columns alone tell the table, and a row may say that it failed. */
  readonly keyColumn?: string
  /** The tool's own advisory lock, for which we wait before we adopt or apply; absent for a tool that has none. */
  readonly lock?: (session: Session) => Promise<{ readonly key: bigint } | null>
  /** Holds rows and files against each other when not simply key and hash decide. */
  readonly match?: (files: readonly Traced[], history: ForeignHistory) => Match
}

export interface ForeignHistory {
  /** The table as SQL writes it, for messages: `public._prisma_migrations`. */
  readonly table: string
  readonly rows: readonly ForeignRow[]
  /** Set when it is that tool's table under another name. */
  readonly of?: Format
}

/** A row of another tool's history. */
export interface ForeignRow {
  /** As in Origin. */
  readonly key: string
  /** null when the tool keeps none, or kept none for this row. */
  readonly hash: string | null
  /** `failed`: it was begun and not finished, and the tool itself would stop at it. */
  readonly state: 'applied' | 'failed'
  /** How a person finds the row when no file belongs to it. */
  readonly called: string
  /** What the tool calls it besides: drizzle keeps a time next to a name. */
  readonly alias?: string
  /** Set when everything before it counts as applied too: the newest version where no other is kept, or a baseline. */
  readonly covers?: true
}

/** A migration of the folder, with what the tool would call it. */
export interface Traced {
  readonly migration: Identity
  readonly origin: Origin
}

/** The rows and the files held against each other. */
export interface Match {
  /** Applied by the tool, with this content. */
  readonly adopted: readonly Identity[]
  /** Applied by the tool with another content than the file has. */
  readonly edited: readonly Identity[]
  /** Begun and not finished by the tool. */
  readonly failed: readonly Identity[]
  /** Not applied, and the tool itself would pass it over for ever. */
  readonly skipped: readonly Identity[]
  /** Applied by the tool, and no file is there: how its history calls them. */
  readonly unknown: readonly string[]
}

/** A migration, and the row that belongs to it. */
export interface Found extends Traced {
  readonly row: ForeignRow
}

/** By key, then by hash: what most tools' histories need. */
export function matchByKey(files: readonly Traced[], { rows }: ForeignHistory): Match {
  const byKey = new Map(rows.map((row) => [row.key, row]))
  const known = new Set(files.map(({ origin }) => origin.key))
  const found = files.flatMap(({ migration, origin }): Found | [] => {
    const row = byKey.get(origin.key)
    return row ? { migration, origin, row } : []
  })
  return judge(
    found,
    rows.filter(({ key }) => !known.has(key)),
  )
}

/** What states and hashes make of rows that have a file, and of those without. */
export function judge(found: readonly Found[], unknown: readonly ForeignRow[]): Match {
  const applied = found.filter(({ row }) => row.state === 'applied')
  return {
    adopted: applied.filter((one) => !isEdited(one)).map(({ migration }) => migration),
    edited: applied.filter(isEdited).map(({ migration }) => migration),
    failed: found.filter(({ row }) => row.state === 'failed').map(({ migration }) => migration),
    skipped: [],
    unknown: unknown.map(({ called }) => called),
  }
}

function isEdited({ origin, row }: Found): boolean {
  return row.hash !== null && origin.hashes.length > 0 && !origin.hashes.includes(row.hash)
}
