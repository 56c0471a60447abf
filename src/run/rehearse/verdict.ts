import { formatBytes } from './format-bytes.ts'
import {
  type Lock,
  type Rehearsal,
  type RehearsedMigration,
  type RehearsedStatement,
  type Work,
  blocks,
  lockModes,
  spellMode,
} from './rehearsal.ts'
import { formatDuration } from '../../report/duration.ts'
import { subjectOf } from './sizes.ts'

export const levels = ['ok', 'careful', 'danger'] as const
export type Level = (typeof levels)[number]

/** What is to be known of a migration before it runs on the target. */
export interface Verdict {
  readonly level: Level
  readonly migration: string
  /** In its file; null for what is of no one statement. */
  readonly line: number | null
  /** Begins with a verb: `rewrites ingest.events, about 540 GB, while holding ...`. */
  readonly words: string
}

/** From where on something is too much. */
export interface Limits {
  /** Of a table with its indexes. */
  readonly largeBytes: number
  /** For which others are kept waiting. */
  readonly longMs: number
}

/** Judges what was seen, the worst first; each migration has at least one verdict. */
export function judge(
  { migrations, sizes, failure }: Pick<Rehearsal, 'migrations' | 'sizes' | 'failure'>,
  limits: Limits,
): Verdict[] {
  const all = migrations.flatMap((one) => {
    const found = judgeOne(one, sizes, limits)
    if (one.failed)
      found.push({
        level: 'danger',
        line: one.failed.place?.line ?? null,
        words: `fails: ${failure?.message ?? 'see above'}`,
      })
    const seen = found.length > 0 ? found : [quietly(one)]
    return seen.map((verdict) => ({ ...verdict, migration: one.name }))
  })
  return all.sort((a, b) => levels.indexOf(b.level) - levels.indexOf(a.level))
}

/** The worst of them. */
export function worst(verdicts: readonly Pick<Verdict, 'level'>[]): Level {
  return levels[Math.max(0, ...verdicts.map(({ level }) => levels.indexOf(level)))]!
}

type Found = Omit<Verdict, 'migration'>

function judgeOne({ statements, commitMs }: RehearsedMigration, sizes: Rehearsal['sizes'], limits: Limits): Found[] {
  const found: Found[] = []
  for (const transaction of byTransaction(statements)) {
    let held: readonly Lock[] = []
    let blockedMs = 0
    for (const statement of transaction) {
      held = [...held, ...statement.locks]
      const blocking = blockingLocks(held)
      if (blocking.size > 0) blockedMs += statement.ms
      found.push(...judgeWork(statement, blocking, sizes, limits))
    }
    found.push(...judgeHeld(held, blockedMs + (commitMs ?? 0), transaction, limits))
  }
  return found
}

/** Statements that share a transaction; each that has none by itself. */
export function byTransaction(statements: readonly RehearsedStatement[]): RehearsedStatement[][] {
  const groups: RehearsedStatement[][] = []
  for (const one of statements) {
    const last = groups.at(-1)
    if (last && one.transaction !== null && last[0]!.transaction === one.transaction) last.push(one)
    else groups.push([one])
  }
  return groups
}

/** By what people would name, the strongest lock that keeps others from something they could be doing. */
export function blockingLocks(held: readonly Lock[]): Map<string, Lock> {
  const strongest = new Map<string, Lock>()
  for (const lock of held) {
    if (!lock.existing || lock.kind === 'sequence' || blocks(lock.mode) === null) continue
    const name = lock.root ?? lock.table ?? lock.relation
    const was = strongest.get(name)
    if (!was || lockModes.indexOf(lock.mode) > lockModes.indexOf(was.mode)) strongest.set(name, lock)
  }
  return strongest
}

const order: readonly Work['what'][] = ['rewrites', 'builds', 'scans', 'empties']

function judgeWork(
  { work, line }: RehearsedStatement,
  blocking: ReadonlyMap<string, Lock>,
  sizes: Rehearsal['sizes'],
  { largeBytes }: Limits,
): Found[] {
  const subjects = new Map<string, Work>()
  for (const one of [...work].sort((a, b) => order.indexOf(a.what) - order.indexOf(b.what)))
    if (one.existing && !subjects.has(subjectOf(one))) subjects.set(subjectOf(one), one)
  return [...subjects].flatMap(([name, one]): Found[] => {
    const bytes = sizes.get(name)?.bytes
    const what = `${verb(one)} ${name}, ${bytes === undefined ? 'which is not on the target, or of unknown size,' : `about ${formatBytes(bytes)},`}`
    if (one.what === 'empties') return [{ level: 'careful', line, words: what.replace(/,$/, '') }]
    if (blocking.size === 0) return bytes !== undefined && bytes >= largeBytes ? [{ level: 'ok', line, words: `${what} and blocks nobody meanwhile` }] : [] // prettier-ignore
    // What is done in a moment is nobody's trouble.
    if (bytes !== undefined && bytes < largeBytes / 100) return []
    const level = bytes === undefined || bytes < largeBytes ? 'careful' : 'danger'
    return [{ level, line, words: `${what} while holding ${tellLocks(blocking)}: ${consequence(blocking)}` }]
  })
}

function verb({ what, index }: Work): string {
  switch (what) {
    case 'rewrites':
      return 'rewrites'
    case 'builds':
      return `builds the index ${index} on`
    case 'scans':
      return 'reads all of'
    case 'empties':
      return 'empties'
  }
}

/** `ACCESS EXCLUSIVE on auth.users and ingest.events`. */
export function tellLocks(blocking: ReadonlyMap<string, Lock>): string {
  const modes = Map.groupBy(blocking, ([, { mode }]) => mode)
  return [...modes]
    .sort(([a], [b]) => lockModes.indexOf(b) - lockModes.indexOf(a))
    .map(([mode, locks]) => `${spellMode(mode)} on ${joinAll(locks.map(([name]) => name))}`)
    .join(', and ')
}

function consequence(blocking: ReadonlyMap<string, Lock>): string {
  const readers = [...blocking].filter(([, { mode }]) => blocks(mode) === 'readers and writers').map(([name]) => name)
  return readers.length > 0
    ? `nobody can read or write ${joinAll(readers)} until it commits`
    : `nobody can write ${joinAll([...blocking.keys()])} until it commits`
}

function judgeHeld(
  held: readonly Lock[],
  ms: number,
  [first]: readonly RehearsedStatement[],
  { longMs }: Limits,
): Found[] {
  const blocking = blockingLocks(held)
  if (blocking.size === 0) return []
  const line = first!.line
  if (ms >= Math.min(longMs, 1_000)) {
    const words = `holds ${tellLocks(blocking)} for ${formatDuration(ms)} in the rehearsal: ${consequence(blocking)}`
    return [{ level: ms >= longMs ? 'danger' : 'careful', line, words }]
  }
  const exclusive = new Map([...blocking].filter(([, { mode }]) => mode === 'AccessExclusiveLock'))
  if (exclusive.size < 2) return []
  return [{ level: 'careful', line, words: `holds ${tellLocks(exclusive)} together until it commits` }]
}

/** What is said of a migration that is no trouble. */
function quietly({ statements }: RehearsedMigration): Found {
  const blocking = blockingLocks(statements.flatMap(({ locks }) => locks))
  const words = blocking.size === 0 ? 'blocks nobody' : `takes ${tellLocks(blocking)}, for a moment`
  return { level: 'ok', line: null, words }
}

const mostNamed = 5

function joinAll(names: readonly string[]): string {
  const shown = names.length > mostNamed ? [...names.slice(0, mostNamed), `${names.length - mostNamed} more`] : names
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
