import { Failure } from '../errors.ts'
import { compareNatural } from '../folder/names.ts'
import { asRecorded } from './as-recorded.ts'
import { repairCommands } from './repair/command.ts'
import type { HistoryRow } from './rows.ts'

/** What the plan needs to know of a migration. */
export interface Planned {
  readonly name: string
  readonly checksum: string
  readonly contract?: true
}

interface Renamed {
  readonly from: string
  readonly to: string
}

/** Files and history held against each other; every list is in the order in which things run or ran. */
export interface Plan<M extends Planned = Planned> {
  readonly pending: readonly M[]
  /** Not applied, and waiting until nothing of the version before is left; one that has begun is pending. */
  readonly deferred: readonly M[]
  readonly applied: readonly M[]
  /** Recorded after ours that were applied in their turn, while nothing of ours is pending: a newer image was here. */
  readonly ahead: readonly string[]
  /** In the history, not in the files, and not explained by a newer image. */
  readonly missing: readonly string[]
  /** Missing ones that stopped half way. */
  readonly abandoned: readonly string[]
  /** Applied with another content than the file has now. */
  readonly changed: readonly string[]
  /** Pending, though a later one was applied. */
  readonly outOfOrder: readonly string[]
  /** A missing one, which may have stopped half way, and a pending one with the same content. */
  readonly renamed: readonly Renamed[]
}

/** Pure: the same files (in running order) and history rows (in recorded order) make the same plan. */
export function makePlan<M extends Planned>(all: readonly M[], history: readonly HistoryRow[]): Plan<M> {
  const files = asRecorded(all, history)
  // What stopped half way is pending still; its row only says where to go on.
  const rows = new Map(history.filter((row) => row.state !== 'running').map((row) => [row.name, row]))
  const known = new Map(files.map((file) => [file.name, file]))
  const applied = files.filter((file) => rows.has(file.name))
  const begun = new Set(history.filter((row) => row.state === 'running').map((row) => row.name))
  const left = files.filter((file) => !rows.has(file.name))
  const isDeferred = ({ name, contract }: Planned) => contract === true && !begun.has(name)
  const pending = left.filter((file) => !isDeferred(file))
  const unknown = history.filter((row) => !known.has(row.name))
  const newer = pending.length === 0 ? findNewer(known, history) : []
  const missing = unknown.filter((row) => !newer.includes(row))
  const lastApplied = files.findLastIndex((file) => rows.has(file.name))
  // They wait for each other only.
  const lastContract = files.findLastIndex((file) => file.contract && rows.has(file.name))
  const isLate = (file: M, at: number) => !rows.has(file.name) && at < (file.contract ? lastContract : lastApplied)
  return {
    pending,
    deferred: left.filter(isDeferred),
    applied,
    ahead: newer.map((row) => row.name),
    missing: missing.map((row) => row.name),
    abandoned: missing.filter((row) => row.state === 'running').map((row) => row.name),
    changed: applied.filter((file) => rows.get(file.name)!.checksum !== file.checksum).map((file) => file.name),
    outOfOrder: files.filter(isLate).map((file) => file.name),
    renamed: findRenamed(missing, left),
  }
}

/**
 * Those that a newer image has applied: recorded after all of ours, but for contract migrations, which wait, and may so be
 * recorded after what sorts behind them.
 */
function findNewer(known: ReadonlyMap<string, Planned>, history: readonly HistoryRow[]): readonly HistoryRow[] {
  const lastInTurn = history.findLastIndex(({ name }) => known.has(name) && known.get(name)!.contract !== true)
  const newer: HistoryRow[] = []
  let lastLate: string | undefined
  for (const row of history.slice(lastInTurn + 1).reverse()) {
    const isBehind = lastLate === undefined || compareNatural(lastLate, row.name) < 0
    if (!isBehind) continue
    if (known.has(row.name)) lastLate = row.name
    else newer.push(row)
  }
  return newer.reverse()
}

/** Pairs each missing one with one pending file of the same content; a file is the new name of one at most. */
function findRenamed(missing: readonly HistoryRow[], pending: readonly Planned[]): Renamed[] {
  const left = [...pending]
  return missing.flatMap(({ name, checksum }) => {
    const at = left.findIndex((file) => file.checksum === checksum)
    return at === -1 ? [] : [{ from: name, to: left.splice(at, 1)[0]!.name }]
  })
}

/** What the operator allows. */
export interface MismatchPolicy {
  readonly outOfOrder: 'error' | 'apply'
  readonly missing: 'error' | 'ignore'
  /** Whether another tool has named the files, so that nobody can rename them. */
  readonly isForeign?: boolean
}

/** Throws MISMATCH when history and files disagree, naming every migration concerned and the commands that help. */
export function refuseMismatch(plan: Plan, policy: MismatchPolicy): void {
  const wrong = findWrong(plan, policy)
  const findings = [
    ...wrong.changed.map((name) => `${name}: the file was changed after it was applied`),
    ...wrong.renamed.map(({ from, to }) => {
      const state = plan.abandoned.includes(from) ? 'stopped half way' : 'applied'
      return `${from}: ${state}, but the file is gone; ${to} has the same content (renamed?)`
    }),
    ...wrong.missing.map((name) => `${name}: applied, but this bundle has no such file`),
    ...wrong.abandoned.map((name) => `${name}: stopped half way, and this bundle has no such file`),
    ...wrong.late.map((name) => `${name}: not applied, though a later one is`),
  ]
  if (findings.length === 0) return
  throw new Failure('MISMATCH', 'history and migration files disagree; nothing was applied', {
    list: findings,
    next: advise(wrong, plan.abandoned, policy.isForeign ?? false).join('\n'),
  })
}

/** Missing ones that UPFRONT_MISSING=ignore allows: applied once, and squashed or removed since. */
export function listIgnored(plan: Plan, policy: MismatchPolicy): readonly string[] {
  return policy.missing === 'ignore' ? plan.missing.filter((name) => !isRefusedAnyway(plan, name)) : []
}

/** Never ignored: the new file of a renamed one would run again, and nothing can build on one that stopped half way. */
function isRefusedAnyway({ renamed, abandoned }: Plan, name: string): boolean {
  return abandoned.includes(name) || renamed.some(({ from }) => from === name)
}

type Wrong = Pick<Plan, 'changed' | 'renamed' | 'missing' | 'abandoned'> & { readonly late: readonly string[] }

function findWrong(plan: Plan, { outOfOrder, missing }: MismatchPolicy): Wrong {
  const { changed, renamed, abandoned } = plan
  const isNew = (name: string) => !renamed.some(({ to }) => to === name)
  return {
    changed,
    renamed,
    missing: missing === 'ignore' ? [] : plan.missing.filter((name) => !isRefusedAnyway(plan, name)),
    abandoned: abandoned.filter((name) => !renamed.some(({ from }) => from === name)),
    late: outOfOrder === 'apply' ? [] : plan.outOfOrder.filter(isNew),
  }
}

function takeOver(renamed: readonly Renamed[]): string {
  const names = (which: keyof Renamed) => renamed.map((one) => one[which])
  return repairCommands('forget', names('from')) + repairCommands('done', names('to'))
}

function advise(
  { changed, renamed, missing, abandoned, late }: Wrong,
  halfDone: readonly string[],
  isForeign: boolean,
): string[] {
  const steps: string[] = []
  if (changed.length > 0)
    steps.push(
      'Restore the changed files and put the change into a new migration. Or, when the database is as the files are now:' +
        repairCommands('accept', changed),
    )
  const whole = renamed.filter(({ from }) => !halfDone.includes(from))
  if (whole.length > 0)
    steps.push('Give the renamed files their old names back. Or, to keep the new ones:' + takeOver(whole))
  const half = renamed.filter(({ from }) => halfDone.includes(from))
  if (half.length > 0)
    steps.push(
      'Give what stopped half way its old name back and start again. Or, when the rest of it was done by hand:' +
        takeOver(half),
    )
  if (missing.length > 0)
    steps.push(
      'Restore the missing files, or check that this is the database you meant. Or, when they were squashed or removed, ' +
        'set UPFRONT_MISSING=ignore, or forget them:' +
        repairCommands('forget', missing),
    )
  if (abandoned.length > 0)
    steps.push(
      'Restore the files that stopped half way and start again. Or, when they are done or undone by hand:' +
        repairCommands('forget', abandoned),
    )
  if (late.length > 0)
    steps.push(
      isForeign
        ? 'To run what is out of order, set UPFRONT_OUT_OF_ORDER=apply. Or, when the database has it already:' +
            repairCommands('done', late)
        : 'Rename what is out of order so that it comes last, or set UPFRONT_OUT_OF_ORDER=apply.',
    )
  return steps
}
