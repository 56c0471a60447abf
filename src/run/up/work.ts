import { pendingAgain } from '../../history/pending-again.ts'
import { listIgnored } from '../../history/plan.ts'
import { type HistoryRow, readHistory } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { planMigrations } from '../adopt/plan-migrations.ts'
import type { Foreign } from '../adopt/foreign-history.ts'
import { dueOf } from '../contract/due.ts'
import { warnIgnored } from '../ignored.ts'
import type { Job } from '../job.ts'
import { splitAt } from './up-to.ts'

/** What there is to do, by what the history says now. */
export interface Work {
  readonly migrations: readonly Identity[]
  readonly repeatable: readonly Identity[]
  readonly seeds: readonly Identity[]
  /** The same, and those that are not to run yet. */
  readonly seedsLeft: readonly Identity[]
  readonly ahead: readonly string[]
  readonly history: readonly HistoryRow[]
  readonly tablesExist: boolean
  /** Contract migrations that are applied: below them no image may come back. */
  readonly floors: readonly string[]
  /** Another tool's history that is to be taken over, null for none. */
  readonly foreign: Foreign | null
}

/** Whether there is neither anything to run nor to record. */
export function isNothing(work: Work): boolean {
  return work.tablesExist && isApplied(work) && !work.foreign
}

/** Whether there is nothing to run. */
export function isApplied({ migrations, repeatable, seeds }: Work): boolean {
  return migrations.length + repeatable.length + seeds.length === 0
}

/** Reads the histories and plans; throws MISMATCH when they and the files disagree. */
export async function findWork(job: Job, session: Session, tables: HistoryTables): Promise<Work> {
  const { bundle, seeds, run } = job
  const rows = await readHistory(session, tables)
  const history = rows ?? []
  resolveInFlight(job, history)
  const { plan, foreign, policy } = await planMigrations(run, session, bundle, history)
  warnIgnored(job, listIgnored(plan, policy))
  const { due, deferred } = await dueOf(job, session, tables, { plan, foreign, history })
  job.progress.deferred = deferred
  const { now, later } = splitAt(await bundle.list(), due, run.flags['to'])
  const pending = seeds === null ? [] : pendingAgain('seed', await seeds.list(), history)
  const adopted = new Set(foreign?.repeatable.map(({ name }) => name))
  const changed = pendingAgain('repeatable', await bundle.listRepeatable(), history)
  // Both are for the whole schema.
  const isWhole = later.length === 0 && plan.ahead.length === 0
  const seedsNow = isWhole ? pending : []
  const repeatable = isWhole ? changed.filter(({ name }) => !adopted.has(name)) : []
  job.progress.heldBack = later.map(({ name }) => name)
  job.progress.notRun = [...now, ...repeatable, ...seedsNow].map(({ name }) => name)
  return {
    migrations: now,
    repeatable,
    seeds: seedsNow,
    seedsLeft: pending,
    ahead: plan.ahead,
    history,
    tablesExist: rows !== null,
    floors: plan.applied.flatMap(({ name, contract }) => (contract ? [name] : [])),
    foreign,
  }
}

/** Learns from the history whether what was in flight when the connection was lost had been committed. */
export function resolveInFlight(job: Job, history: readonly HistoryRow[]): void {
  const { progress, run } = job
  const { inFlight, runId } = progress
  if (inFlight.length === 0) return
  progress.inFlight = []
  for (const { name, kind, durationMs, run: by, state } of history) {
    if (!inFlight.includes(name) || by !== runId || state !== 'applied') continue
    const seed = kind === 'seed'
    ;(seed ? progress.seeded : progress.applied).push(name)
    run.emit({ type: seed ? 'seeded' : 'applied', name, durationMs })
  }
}
