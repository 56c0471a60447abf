import {
  type Adopter,
  type ForeignHistory,
  type ForeignRow,
  type Found,
  type Match,
  type Traced,
  judge,
} from '../adopter.ts'
import { type TableMarks, findTable } from '../find-table.ts'

const marks: TableMarks = {
  name: '__drizzle_migrations',
  schema: 'drizzle',
  columns: { id: 'number', hash: 'text', created_at: 'number' },
}

/** `__drizzle_migrations` of drizzle-orm: up to 0.45 with a time for each migration, from 1.0 on with a name too. */
export const drizzle: Adopter = {
  format: 'drizzle',
  table: marks.name,
  read: async (session) => {
    const found = await findTable(session, marks)
    if (!found) return null
    const { table, columns } = found
    const name = columns.has('name') ? 'name' : 'null::text'
    const rows = await session.query<{ id: string; name: string | null; at: string | null; hash: string }>(
      `select id::text as id, ${name} as name, created_at::text as at, hash from ${table} order by id`,
    )
    return { table, rows: rows.map(toRow) }
  },
  match,
}

function toRow({ id, name, at, hash }: { id: string; name: string | null; at: string | null; hash: string }) {
  const row = { hash, state: 'applied' } as const
  if (name !== null) return { ...row, key: name, called: name, ...(at === null ? {} : { alias: at }) }
  return { ...row, key: at ?? hash, called: `row ${id} (created_at ${at})` } satisfies ForeignRow
}

/**
 * A key of a file is the time that the journal has of it, up to 0.45, or from 1.0 on the name of its folder, whose
 * digits are that time without the milliseconds.
 */
function match(files: readonly Traced[], { rows }: ForeignHistory): Match {
  const rowOf = new Map<Traced, ForeignRow>()
  const rest: ForeignRow[] = []
  for (const row of rows) {
    const file = byNameOrTime(files, row)
    if (file) rowOf.set(file, row)
    else rest.push(row)
  }
  const unknown: ForeignRow[] = []
  for (const row of rest) {
    // The text alone decides last, and only where it is that of one file: those that were generated empty are alike.
    const [file, ...alike] = isNamed(row) ? [] : files.filter((one) => hasHash(one, row))
    if (!file || alike.length > 0) unknown.push(row)
    else if (!rowOf.has(file)) rowOf.set(file, row)
  }
  const found = files.flatMap((file): Found | [] => {
    const row = rowOf.get(file)
    return row ? { ...file, row } : []
  })
  const newest = Math.max(-1, ...rows.map((row) => Number(timeOf(row) ?? -1)))
  // The journal's reader runs what is newer than the newest row, and looks at nothing else; a name is no number.
  const skipped = files.filter((one) => !rowOf.has(one) && Number(one.origin.key) <= newest)
  return { ...judge(found, unknown), skipped: skipped.map(({ migration }) => migration) }
}

function byNameOrTime(files: readonly Traced[], row: ForeignRow): Traced | undefined {
  if (isNamed(row)) {
    const named = files.find(({ origin }) => origin.key === row.key)
    if (named) return named
  }
  const time = timeOf(row)
  if (time === undefined) return undefined
  const exact = files.filter(({ origin }) => origin.key === time)
  if (exact.length > 0) return exact.find((one) => hasHash(one, row)) ?? exact[0]
  // A folder that does not bear the name of the row is another migration.
  if (isNamed(row)) return undefined
  const second = Math.floor(Number(time) / 1000) * 1000
  const same = files.filter(({ origin }) => secondOf(origin.key) === second)
  return same.length === 1 ? same[0] : same.find((one) => hasHash(one, row))
}

/** Only rows of 1.0 have an alias: the time beside the name. */
function isNamed({ key, alias, hash }: ForeignRow): boolean {
  return alias !== undefined || (!isTime(key) && key !== hash)
}

function timeOf({ key, alias }: ForeignRow): string | undefined {
  return [alias, key].find((one) => one !== undefined && isTime(one))
}

function isTime(key: string): boolean {
  return /^\d+$/.test(key)
}

function hasHash({ origin }: Traced, { hash }: ForeignRow): boolean {
  return hash !== null && origin.hashes.includes(hash)
}

/** What the fourteen digits of a folder's name say, in milliseconds; null for a journal's key. */
function secondOf(key: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_/.exec(key)?.slice(1).map(Number)
  if (!parts) return null
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
