import { Failure, type FailureCode } from '../errors.ts'
import { type HistoryRow, readHistory } from '../migrations/history.ts'
import type { Migration, Seed } from '../migrations/migration.ts'
import { listIgnored, makePlan, refuseMismatch } from '../migrations/plan.ts'
import { finishRun, readFailureSince, readNewestRun, startRun } from '../migrations/runs.ts'
import { pendingSeeds } from '../migrations/seeds.ts'
import type { StepRun } from '../migrations/step.ts'
import { type HistoryTables, createTables, findExisting, historyTables } from '../migrations/tables.ts'
import { release, tryLock, withLock } from '../postgres/lock.ts'
import type { Session } from '../postgres/session.ts'
import { applyAll } from './apply.ts'
import { type Job, isComplete, recordOf } from './job.ts'
import { warnIgnored } from './ignored.ts'
import { prepareStepRun, requirePrimary } from './server.ts'

/** What there is to do, by what the history says now. */
interface Work {
  readonly migrations: readonly Migration[]
  readonly seeds: readonly Seed[]
  readonly ahead: readonly string[]
  readonly history: readonly HistoryRow[]
  readonly tablesExist: boolean
}

/** The rest of `up`, when the newest run is not of this bundle: plan, lock, plan again, apply, seed, record. */
export async function migrate(job: Job, session: Session): Promise<void> {
  const { run } = job
  const { config, emit, signal, phase } = run
  const tables = historyTables(session, config.schema)
  const on = await prepareStepRun(run, session)
  const key = on.lockKey
  const work = await findWork(job, session, tables)
  if (work.ahead.length > 0) return emit({ type: 'ahead', names: work.ahead })
  if (isNothing(work)) {
    await recordWithoutWaiting(job, session, tables, key)
    return emitDone(job)
  }
  phase.current = 'waiting for the lock'
  const since = (job.progress.waitingSince ??= await readClock(session))
  const isDone = async () => isComplete(job, await readNewestRun(session, tables))
  const lock = { key, waitMs: config.lockWaitMs, wait: run.lockWait, emit, signal }
  const finished = await withLock(session, lock, isDone, async () => {
    phase.current = 'applying'
    return apply(job, tables, on, since)
  })
  if (finished?.ahead.length) return emit({ type: 'ahead', names: finished.ahead })
  if (finished === undefined) resolveInFlight(job, (await readHistory(session, tables)) ?? [])
  emitDone(job)
}

async function readClock(session: Session): Promise<string> {
  const [row] = await session.query<{ now: string }>('select clock_timestamp()::text as now')
  return row!.now
}

function isNothing(work: Work): boolean {
  return work.tablesExist && work.migrations.length === 0 && work.seeds.length === 0
}

async function findWork(job: Job, session: Session, tables: HistoryTables): Promise<Work> {
  const { bundle, seeds, run } = job
  const rows = await readHistory(session, tables)
  const history = rows ?? []
  resolveInFlight(job, history)
  const plan = makePlan(
    await bundle.list(),
    history.filter((row) => row.kind === 'migration'),
  )
  refuseMismatch(plan, run.config)
  warnIgnored(job, listIgnored(plan, run.config))
  return {
    migrations: plan.pending,
    seeds: seeds === null ? [] : pendingSeeds(await seeds.list(), history),
    ahead: plan.ahead,
    history,
    tablesExist: rows !== null,
  }
}

/** Learns from the history whether what was in flight when the connection was lost had been committed. */
function resolveInFlight(job: Job, history: readonly HistoryRow[]): void {
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

/** Nothing is pending, yet the newest run is another's: noted when the lock is free this moment, else left as it is. */
async function recordWithoutWaiting(job: Job, session: Session, tables: HistoryTables, key: bigint): Promise<void> {
  if (!(await tryLock(session, key))) return
  try {
    // Whoever had the lock a moment ago may have noted the same.
    if (isComplete(job, await readNewestRun(session, tables))) return
    if (!isNothing(await findWork(job, session, tables))) return
    // The row of a run whose last answer was lost is still open.
    const id = job.progress.runId ?? (await startRun(session, tables, recordOf(job)))
    await finishRun(session, tables, id, { outcome: 'done' })
  } catch (error) {
    // A role that may only read is right to find nothing to do; it asks two questions instead of one, every time.
    if ((error as { code?: string }).code !== '42501') throw error
  } finally {
    await release(session, { key, emit: job.run.emit })
  }
}

async function apply(job: Job, tables: HistoryTables, on: StepRun, since: string): Promise<Work> {
  const { session } = on
  // An advisory lock is also given by a standby, and excludes nobody there.
  await requirePrimary(session)
  const work = await findWork(job, session, tables)
  if (isNothing(work) || work.ahead.length > 0) return work
  if (!work.tablesExist) {
    await refuseForeignTables(session, work.migrations)
    await createTables(session, tables)
  }
  await refuseToRepeat(session, tables, work, since)
  await applyAll(job, tables, on, work)
  return work
}

const worthRepeating: ReadonlySet<string> = new Set(['LOST', 'BUSY'])

/** While we waited for the lock its holder failed at the very thing we would run next: that is our answer too. */
async function refuseToRepeat(session: Session, tables: HistoryTables, work: Work, since: string): Promise<void> {
  const next = work.migrations[0] ?? work.seeds[0]
  const failure = await readFailureSince(session, tables, since)
  if (!next || failure?.name !== next.name || failure.checksum !== next.checksum) return
  if (worthRepeating.has(failure.code)) return
  const message = `${next.name} failed in another runner (${failure.host}) while we waited for it; it was not run again`
  throw new Failure(failure.code as FailureCode, message, {
    reason: failure.error,
    next: 'The log of that runner has the place; mend the file and start again.',
  })
}

/** A database that has our relations but not our history was filled by somebody else; running on would fail or lie. */
async function refuseForeignTables(session: Session, migrations: readonly Migration[]): Promise<void> {
  const existing = await findExisting(session, [...new Set(migrations.flatMap(({ creates }) => creates))])
  if (existing.length === 0) return
  throw new Failure('MISMATCH', 'this database has no history of ours, but what the migrations create exists already', {
    list: existing,
    next:
      'Is it the database you meant? If those were made by the same migrations, record them as applied: ' +
      'upfront baseline --to <the last one it has>.',
  })
}

function emitDone(job: Job): void {
  const { progress, run, bundle, seeds } = job
  const { applied, seeded } = progress
  if (applied.length + seeded.length === 0) {
    return run.emit({ type: 'up_to_date', migrations: bundle.count, seed: seeds?.environment ?? null })
  }
  const elapsedMs = performance.now() - job.begun
  run.emit({ type: 'done', applied: applied.length, seeded: seeded.length, reverted: 0, elapsedMs })
}
