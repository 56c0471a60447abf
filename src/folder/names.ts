/** The parts of a migration's name; the name as a whole is its identity. */
export interface MigrationName {
  readonly name: string
  readonly version: bigint
}

/** `20251025_add_metadata` -> its parts, or null when it is not `<digits>_<words>`; some tools write `-` or `.` for `_`. */
export function parseName(name: string, isLoose = false): MigrationName | null {
  const match = (isLoose ? /^(\d+)[._-](.+)$/su : /^(\d+)_(.+)$/su).exec(name)
  return match ? { name, version: BigInt(match[1]!) } : null
}

/** Numbers as numbers (9 before 10), then the whole name by code point, so that the order is the same everywhere. */
export function compareNames(a: MigrationName, b: MigrationName): number {
  if (a.version !== b.version) return a.version < b.version ? -1 : 1
  return compareText(a.name, b.name)
}

/** Digits in a text as numbers, the rest by code point: `2_b` before `10_a`. */
export function compareNatural(a: string, b: string): number {
  const left = a.split(/(\d+)/)
  const right = b.split(/(\d+)/)
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const order = i % 2 ? compareNumbers(left[i]!, right[i]!) : compareText(left[i]!, right[i]!)
    if (order !== 0) return order
  }
  return left.length - right.length || compareText(a, b)
}

function compareNumbers(a: string, b: string): number {
  const [x, y] = [BigInt(a), BigInt(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
