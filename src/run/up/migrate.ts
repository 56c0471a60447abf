import { Failure, type FailureCode } from '../../errors.ts'
import { halfDoneCommands } from '../../history/repair/command.ts'
import { readHistory } from '../../history/rows.ts'
import { noteMissingFloors, withFloors } from '../../history/floors.ts'
import { finishRun, readFailureSince, readNewestRun } from '../../history/runs.ts'
import { type HistoryTables, createTables, ensureLeases, historyTables, requireTenant } from '../../history/tables.ts'
import { withLock } from '../../postgres/lock.ts'
import type { Session } from '../../postgres/session.ts'
import type { StepContext } from '../apply/step.ts'
import { type Job, isComplete } from '../job.ts'
import { requirePrimary } from '../server.ts'
import { openStepContext } from '../step-context.ts'
import { proveNothingToDo, recordWithoutWaiting, unlessDenied, verifyOrFail } from './record-nothing.ts'
import { emitDone, tellAhead } from './tell-outcome.ts'
import { type Work, findWork, isApplied, isNothing, resolveInFlight } from './work.ts'

/** The rest of `up`, when the newest run is not of this bundle: plan, lock, plan again, apply, seed, record. */
export async function migrate(job: Job, session: Session): Promise<void> {
  const { run } = job
  const { config, emit, signal, phase } = run
  const tables = historyTables(session, config)
  const on = await openStepContext(run, session)
  const key = on.lockKey
  const work = await findWork(job, session, tables)
  if (work.ahead.length > 0) return tellAhead(job, work)
  // Whoever is to prove it waits for the lock, because the schema is nobody's while another runner changes it.
  if (isNothing(work) && config.verify !== 'fail') {
    await recordWithoutWaiting(job, session, tables, key)
    return emitDone(job, work)
  }
  phase.current = 'waiting for the lock'
  job.progress.waitingSince ??= await readClock(session)
  const isDone = async () => isComplete(job, await readNewestRun(session, tables))
  const lock = { key, waitMs: config.lockWaitMs, wait: run.lockWait, emit, signal }
  const finished = await withLock(session, lock, isDone, async () => {
    const { withForeignLock } = await import('../adopt/foreign-lock.ts')
    return withForeignLock(job, session, async () => {
      phase.current = 'applying'
      return apply(job, tables, on)
    })
  })
  if (finished?.ahead.length) return tellAhead(job, finished)
  if (finished === undefined) resolveInFlight(job, (await readHistory(session, tables)) ?? [])
  emitDone(job, finished)
}

/** Who takes a lease while it is decided, and applied, that nothing older is left, waits until that is over. */
async function withDoorShut<Result>(job: Job, session: Session, use: () => Promise<Result>): Promise<Result> {
  const { shutDoor, openDoor } = await import('../contract/door.ts')
  const { config, emit, signal } = job.run
  const wait = { waitMs: config.lockWaitMs, setting: 'UPFRONT_LOCK_WAIT', emit, signal }
  await shutDoor(session, config.leaseSchema, wait)
  try {
    return await use()
  } finally {
    await openDoor(session, config.leaseSchema).catch(() => {})
  }
}

async function readClock(session: Session): Promise<string> {
  const [row] = await session.query<{ now: string }>('select clock_timestamp()::text as now')
  return row!.now
}

async function apply(job: Job, tables: HistoryTables, on: StepContext, door: 'open' | 'shut' = 'open'): Promise<Work> {
  const { session } = on
  // An advisory lock is also given by a standby, and excludes nobody there.
  await requirePrimary(session)
  const work = await findWork(job, session, tables)
  if (work.ahead.length > 0) return work
  // In a new database too: an older version may come as soon as what it needs is there, long before the end of this run.
  if (door === 'open' && work.migrations.some(({ contract }) => contract))
    return withDoorShut(job, session, () => apply(job, tables, on, 'shut'))
  if (!work.tablesExist) await requireTenant(session, tables)
  if (work.tablesExist) await noteMissingFloors(session, tables, work.floors).catch(unlessDenied)
  if (isNothing(work)) {
    if (job.run.config.verify === 'fail') await proveNothingToDo(job, session, tables)
    return work
  }
  const { withWriteBack, writtenTool } = await import('../adopt/write-back.ts')
  writtenTool(job)
  // Before the files are judged, which in a folder of that tool would be judged otherwise.
  if (!work.tablesExist)
    await (await import('../adopt/foreign-history.ts')).refuseStrangersHistory(job.run, session, job.bundle)
  // Parsed and checked here and not before: what has run is not judged, and who only waits has nothing to parse.
  const migrations = await job.bundle.open(work.migrations)
  const repeatable = await job.bundle.open(work.repeatable)
  const seeds = (await job.seeds?.open(work.seeds)) ?? []
  if (tables.tenant) {
    const { refuseShared } = await import('../tenant/refuse-shared.ts')
    await refuseShared(session, tables, job.bundle.dir, [...migrations, ...repeatable, ...seeds])
  }
  if (!work.tablesExist) {
    // What another tool's history has applied may be replaced by what is pending.
    if (!work.foreign)
      await (await import('../adopt/refuse-foreign-tables.ts')).refuseForeignTables(job.run.config, session, migrations)
    await createTables(session, tables)
  } else await ensureLeases(session, tables).catch(unlessDenied)
  // It may be refused, and that before anything is taken over.
  const back = await withWriteBack(job, session, tables, [...migrations, ...repeatable])
  const contracts = migrations.flatMap(({ name, contract }) => (contract ? [name] : []))
  const written = await withFloors(session, back, contracts)
  await takeOver(job, session, tables, work)
  if (isApplied(work)) return work
  await refuseToRepeat(session, tables, work, job.progress.waitingSince!)
  // Loaded only now: most of those who start together wait, and find it done.
  const { applyAll } = await import('../apply.ts')
  await applyAll(job, written, on, { migrations, repeatable, seeds, history: work.history })
  return work
}

/** Records what another tool has applied; when that was all, the run is over. */
async function takeOver(job: Job, session: Session, tables: HistoryTables, work: Work): Promise<void> {
  if (!work.foreign) return
  await proveAdopted(job, session, work)
  await (await import('../adopt/adopt.ts')).recordForeign(job, session, { tables, history: work.history }, work.foreign)
  if (!isApplied(work)) return
  await verifyOrFail(job, session, tables, job.progress.runId!)
  await finishRun(session, tables, job.progress.runId!, { outcome: 'done' })
}

/** What another tool says it has applied need not be there; with `warn` that is said, and the run goes on. */
async function proveAdopted({ run, bundle }: Job, session: Session, { foreign, history }: Work): Promise<void> {
  const { proveApplied } = await import('../verify/prove.ts')
  const ours = history.filter(({ kind, state }) => kind === 'migration' && state !== 'running')
  const names = new Set([...ours, ...foreign!.match.adopted].map(({ name }) => name.normalize('NFC')))
  const recorded = (await bundle.list()).filter(({ name }) => names.has(name.normalize('NFC')))
  await proveApplied(run, session, bundle, recorded).catch((error: unknown) => {
    if (run.config.verify === 'fail' || !(error instanceof Failure)) throw error
    if (error.code === 'DRIFT') return run.emit({ type: 'drift', differences: error.facts.list ?? [] })
    if (error.code !== 'DENIED' && error.code !== 'BUSY') throw error
    run.emit({ type: 'warning', message: `not verified: ${error.message}` })
  })
}

const worthRepeating: ReadonlySet<string> = new Set(['LOST', 'BUSY'])

/** Failures that may leave a part of the migration behind. */
const mayRemain: ReadonlySet<string> = new Set(['PARTIAL', 'MISMATCH'])

/** Fails as the lock's holder did while we waited, when that was at what we would run next. */
async function refuseToRepeat(session: Session, tables: HistoryTables, work: Work, since: string): Promise<void> {
  const next = work.migrations[0] ?? work.repeatable[0] ?? work.seeds[0]
  const failure = await readFailureSince(session, tables, since)
  if (!next || failure?.name !== next.name || failure.checksum !== next.checksum) return
  if (worthRepeating.has(failure.code)) return
  const message = `${next.name} failed in another runner (${failure.host}) while we waited for it; it was not run again`
  throw new Failure(failure.code as FailureCode, message, {
    reason: failure.error,
    ...(mayRemain.has(failure.code) ? { list: halfDoneCommands(next.name) } : {}),
    next: `The log of that runner has the place; mend ${mayRemain.has(failure.code) ? 'it and start again, or run one of these' : 'the file and start again'}.`,
  })
}
