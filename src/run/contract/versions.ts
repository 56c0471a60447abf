/**
 * How a version compares with ours: numbers with dots between them by number, a pre-release (`-rc.2`) before its release, as
 * semver has it; what begins with a v as without. Anything else is only equal or not comparable, and so is what
 * `git describe` says of a commit (`1.4.2-5-g1a2b3c4`) with the release before it, which is older and not newer.
 */
export function compareVersions(theirs: string, ours: string): 'equal' | 'older' | 'newer' | 'not comparable' {
  if (theirs === ours) return 'equal'
  const [a, b] = [parse(theirs), parse(ours)]
  if (!a || !b) return 'not comparable'
  const byNumber = compareNumbers(a.numbers, b.numbers)
  if (byNumber === 0 && (isDescribed(a) || isDescribed(b))) return 'not comparable'
  const order = byNumber || comparePreReleases(a.pre, b.pre)
  // Two builds of one version: which of them is older cannot be told.
  if (order === 0) return a.build === b.build ? 'equal' : 'not comparable'
  return order < 0 ? 'older' : 'newer'
}

interface Version {
  readonly numbers: readonly bigint[]
  readonly pre: readonly string[]
  readonly build: string
}

const shape = /^v?(\d+(?:\.\d+)*)(?:-([0-9a-z-]+(?:\.[0-9a-z-]+)*))?(?:\+([0-9a-z.-]+))?$/i

function parse(text: string): Version | undefined {
  const [, numbers, pre, build = ''] = shape.exec(text) ?? []
  // A number of seven digits may be the beginning of a commit's hash.
  if (numbers === undefined || /^\d{7,}$/.test(numbers)) return undefined
  return { numbers: numbers.split('.').map(BigInt), pre: pre?.split('.') ?? [], build }
}

/** So many commits behind a tag, whose name may have been that of a pre-release. */
function isDescribed({ pre }: Version): boolean {
  return /(?:^|-)(?:\d+-g[0-9a-f]{4,}(?:-dirty)?|dirty)$/i.test(pre.at(-1) ?? '')
}

/** 1.4 is 1.4.0. */
function compareNumbers(a: readonly bigint[], b: readonly bigint[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const [x, y] = [a[i] ?? 0n, b[i] ?? 0n]
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}

function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length)
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const [x, y] = [a[i], b[i]]
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1
    const order = compareIdentifiers(x, y)
    if (order !== 0) return order
  }
  return 0
}

function compareIdentifiers(x: string, y: string): number {
  if (x === y) return 0
  const [isNumber, isOther] = [/^\d+$/.test(x), /^\d+$/.test(y)]
  if (isNumber && isOther) return BigInt(x) === BigInt(y) ? 0 : BigInt(x) < BigInt(y) ? -1 : 1
  if (isNumber !== isOther) return isNumber ? -1 : 1
  return x < y ? -1 : 1
}
