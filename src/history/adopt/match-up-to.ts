import type { Identity } from '../../migration.ts'
import { type ForeignHistory, type Match, type Traced, matchByKey } from './adopter.ts'

/**
 * By key and hash, and a file without a row counts as applied when a row that covers what is before it comes later;
 * `isBefore` says which of two keys that is.
 */
export function matchUpTo(
  files: readonly Traced[],
  history: ForeignHistory,
  isBefore: (key: string, other: string) => boolean,
): Match {
  const own = matchByKey(files, history)
  const covering = history.rows.filter(({ covers }) => covers)
  const hasRow = new Set(history.rows.map(({ key }) => key))
  const adopted = new Set<Identity>(own.adopted)
  for (const { migration, origin } of files)
    if (!hasRow.has(origin.key) && covering.some(({ key }) => isBefore(origin.key, key))) adopted.add(migration)
  return { ...own, adopted: files.map(({ migration }) => migration).filter((one) => adopted.has(one)) }
}

/** Whether a version comes before another, number by number: `1.9` before `1.10`, `1` before `1.1`. */
export function isOlder(version: string, other: string): boolean {
  const [left, right] = [numbersOf(version), numbersOf(other)]
  if (!left || !right) return false
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const [a, b] = [left[i] ?? 0n, right[i] ?? 0n]
    if (a !== b) return a < b
  }
  return false
}

/** Whether a key is numbers with dots between them. */
export function isVersion(key: string): boolean {
  return /^\d+(\.\d+)*$/.test(key)
}

function numbersOf(version: string): readonly bigint[] | null {
  return isVersion(version) ? version.split('.').map(BigInt) : null
}
