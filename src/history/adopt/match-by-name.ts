import { type ForeignHistory, type ForeignRow, type Found, type Match, type Traced, judge } from './adopter.ts'

/**
 * For tables that hold names of files, or a part of them: a row belongs to the migration of its very text, else to the
 * one that is the same but for one extension, else, being all digits, to the one that begins with this number. Where
 * two migrations could be meant it belongs to neither, and is unknown.
 */
export function matchByName(files: readonly Traced[], { rows }: ForeignHistory): Match {
  const rowOf = new Map<Traced, ForeignRow>()
  const unknown: ForeignRow[] = []
  const byKey = index(files, (key) => key)
  const byBareName = index(files, withoutExtension)
  const byNumber = index(files, numberOf)
  for (const row of rows) {
    const meant = [
      byKey.get(row.key),
      byBareName.get(withoutExtension(row.key)),
      isNumber(row.key) ? byNumber.get(numberOf(row.key)) : undefined,
    ].find((found) => found !== undefined)
    if (meant?.length === 1) rowOf.set(meant[0]!, row)
    else unknown.push(row)
  }
  const found = files.flatMap((file): Found | [] => {
    const row = rowOf.get(file)
    return row ? { ...file, row } : []
  })
  return judge(found, unknown)
}

/** What a compiled project names otherwise than the project that was migrated. */
const extension = /\.(sql|[cm]?[jt]s|co|coffee|eg|iced|litcoffee|ls)$/i

function withoutExtension(name: string): string {
  return name.replace(extension, '')
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text)
}

/** The number that a name begins with, however many zeros are in front of it; null without. */
function numberOf(name: string): string | null {
  const digits = /^\d+/.exec(name)?.[0]
  return digits === undefined ? null : String(BigInt(digits))
}

function index<Key>(files: readonly Traced[], by: (key: string) => Key): ReadonlyMap<Key, readonly Traced[]> {
  const found = new Map<Key, Traced[]>()
  for (const file of files) {
    const key = by(file.origin.key)
    found.set(key, [...(found.get(key) ?? []), file])
  }
  return found
}
