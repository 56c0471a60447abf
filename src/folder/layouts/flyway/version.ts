/** A version as flyway reads it: `1.0` and `001` are both 1. */
export type Version = readonly bigint[]

/** The numbers of a version that is written with dots or underscores, without trailing zeros; null for anything else. */
export function parseVersion(text: string): Version | null {
  if (!/^\d+([._]\d+)*$/.test(text)) return null
  const parts = text.split(/[._]/).map(BigInt)
  while (parts.length > 1 && parts.at(-1) === 0n) parts.pop()
  return parts
}

/** Number by number, what is missing being 0. */
export function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const [left, right] = [a[i] ?? 0n, b[i] ?? 0n]
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}
