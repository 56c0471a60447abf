import { Failure } from '../errors.ts'
import { type HistoryRow, readHistory } from '../migrations/history.ts'
import type { Migration, Seed } from '../migrations/migration.ts'
import { makePlan, refuseMismatch } from '../migrations/plan.ts'
import { finishRun, readNewestRun, startRun } from '../migrations/runs.ts'
import { pendingSeeds } from '../migrations/seeds.ts'
import type { StepRun } from '../migrations/step.ts'
import { type HistoryTables, createTables, findExisting, historyTables } from '../migrations/tables.ts'
import { lockKey, release, tryLock, withLock } from '../postgres/lock.ts'
import { prepareSession } from '../postgres/prepare.ts'
import type { Session } from '../postgres/session.ts'
import { applyAll } from './apply.ts'
import { type Job, isComplete, recordOf } from './job.ts'
import { requirePrimary, sessionSettings } from './server.ts'

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
  const { config, emit, signal } = run
  const tables = historyTables(session, config.schema)
  const settings = sessionSettings(run)
  await prepareSession(session, settings)
  const work = await findWork(job, session, tables)
  if (work.ahead.length > 0) return emit({ type: 'ahead', names: work.ahead })
  const key = lockKey(config.schema)
  if (isNothing(work)) {
    await recordWithoutWaiting(job, session, tables, key)
    return emitDone(job)
  }
  const isDone = async () => isComplete(job, await readNewestRun(session, tables))
  const finished = await withLock(session, { key, waitMs: config.lockWaitMs, emit, signal }, isDone, async () => {
    await apply(job, tables, { session, settings, lockKey: key, lockRetryMs: config.lockRetryMs, emit, signal })
    return true
  })
  if (finished === undefined) resolveInFlight(job, (await readHistory(session, tables)) ?? [])
  emitDone(job)
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
  refuseMismatch(plan, run.config.outOfOrder)
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
    if (!isNothing(await findWork(job, session, tables))) return
    const id = await startRun(session, tables, recordOf(job))
    await finishRun(session, tables, id, { outcome: 'done' })
  } catch (error) {
    // A role that may only read is right to find nothing to do; it asks two questions instead of one, every time.
    if ((error as { code?: string }).code !== '42501') throw error
  } finally {
    await release(session, { key, emit: job.run.emit })
  }
}

async function apply(job: Job, tables: HistoryTables, on: StepRun): Promise<void> {
  const { session } = on
  // An advisory lock is also given by a standby, and excludes nobody there.
  await requirePrimary(session)
  const work = await findWork(job, session, tables)
  if (isNothing(work) || work.ahead.length > 0) return
  if (!work.tablesExist) {
    await refuseForeignTables(session, work.migrations)
    await createTables(session, tables)
  }
  await applyAll(job, tables, on, work)
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
