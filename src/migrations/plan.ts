import { Failure } from '../errors.ts'
import type { HistoryRow } from './history.ts'

/** What the plan needs to know of a migration. */
export interface Planned {
  readonly name: string
  readonly checksum: string
}

/** Files and history held against each other; every list is in the order in which things run or ran. */
export interface Plan<M extends Planned = Planned> {
  readonly pending: readonly M[]
  readonly applied: readonly M[]
  /** Recorded after our last applied one, while nothing of ours is pending: a newer image was here. */
  readonly ahead: readonly string[]
  /** In the history, not in the files, and not explained by a newer image. */
  readonly missing: readonly string[]
  /** Applied with another content than the file has now. */
  readonly changed: readonly string[]
  /** Pending, though a later one was applied. */
  readonly outOfOrder: readonly string[]
  /** A missing one and a pending one with the same content. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[]
}

/** Pure: the same files (in running order) and history rows (in recorded order) make the same plan. */
export function makePlan<M extends Planned>(files: readonly M[], history: readonly HistoryRow[]): Plan<M> {
  // What stopped half way is pending still; its row only says where to go on.
  const rows = new Map(history.filter((row) => row.state !== 'running').map((row) => [row.name, row]))
  const known = new Map(files.map((file) => [file.name, file]))
  const applied = files.filter((file) => rows.has(file.name))
  const pending = files.filter((file) => !rows.has(file.name))
  const lastOurs = history.findLastIndex((row) => known.has(row.name))
  const unknown = history.filter((row) => !known.has(row.name))
  const newer = pending.length === 0 ? history.slice(lastOurs + 1).filter((row) => !known.has(row.name)) : []
  const missing = unknown.filter((row) => !newer.includes(row))
  const lastApplied = files.findLastIndex((file) => rows.has(file.name))
  return {
    pending,
    applied,
    ahead: newer.map((row) => row.name),
    missing: missing.map((row) => row.name),
    changed: applied.filter((file) => rows.get(file.name)!.checksum !== file.checksum).map((file) => file.name),
    outOfOrder: files.slice(0, Math.max(lastApplied, 0)).flatMap((file) => (rows.has(file.name) ? [] : [file.name])),
    renamed: findRenamed(missing, pending),
  }
}

/** Pairs each missing one with one pending file of the same content; a file is the new name of one at most. */
function findRenamed(missing: readonly HistoryRow[], pending: readonly Planned[]): { from: string; to: string }[] {
  const left = [...pending]
  return missing.flatMap(({ name, checksum }) => {
    const at = left.findIndex((file) => file.checksum === checksum)
    return at === -1 ? [] : [{ from: name, to: left.splice(at, 1)[0]!.name }]
  })
}

/** Throws MISMATCH when history and files disagree, naming every migration concerned and what to do about it. */
export function refuseMismatch(plan: Plan, outOfOrder: 'error' | 'apply'): void {
  const late =
    outOfOrder === 'apply' ? [] : plan.outOfOrder.filter((name) => !plan.renamed.some(({ to }) => to === name))
  const findings = [
    ...plan.changed.map((name) => `${name}: the file was changed after it was applied`),
    ...plan.missing.map((name) => {
      const renamed = plan.renamed.find(({ from }) => from === name)
      return renamed
        ? `${name}: applied, but the file is gone; ${renamed.to} has the same content (renamed?)`
        : `${name}: applied, but this bundle has no such file`
    }),
    ...late.map((name) => `${name}: not applied, though a later one is`),
  ]
  if (findings.length === 0) return
  throw new Failure('MISMATCH', 'history and migration files disagree; nothing was applied', {
    list: findings,
    next: advice(plan, late.length > 0),
  })
}

function advice(plan: Plan, late: boolean): string {
  const steps: string[] = []
  if (plan.changed.length > 0) steps.push('Restore the changed files and put the change into a new migration.')
  if (plan.renamed.length > 0) steps.push('Give the renamed files their old names back.')
  if (plan.missing.length > plan.renamed.length) {
    steps.push('Restore the missing files, or check that this is the database you meant.')
  }
  if (late) steps.push('Rename what is out of order so that it comes last, or set UPFRONT_OUT_OF_ORDER=apply.')
  return steps.join(' ')
}
