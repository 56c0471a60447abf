// A run that finds nothing to do: it is recorded, and proved where the setting asks for it.
import { Failure } from '../../errors.ts'
import { noteMissingFloors } from '../../history/floors.ts'
import { ensureDeferred, finishRun, noteDeferred, readNewestRun, startRun } from '../../history/runs.ts'
import type { HistoryTables } from '../../history/tables.ts'
import { releaseLock, tryLock } from '../../postgres/lock.ts'
import type { Session } from '../../postgres/session.ts'
import { type Job, isComplete, isRecorded, isWhole, recordOf } from '../job.ts'
import { findWork, isNothing } from './work.ts'

/** Records this run when nothing is pending but the newest run is another's, if the lock is free at this moment. */
export async function recordWithoutWaiting(
  job: Job,
  session: Session,
  tables: HistoryTables,
  key: bigint,
): Promise<void> {
  if (!(await tryLock(session, key))) return
  try {
    // Whoever had the lock a moment ago may have noted the same.
    const newest = await readNewestRun(session, tables)
    const { deferred } = job.progress
    const work = await findWork(job, session, tables)
    // What may be applied since a moment ago is for the next start; it is not done, and must not look so.
    if (!isNothing(work)) job.progress.deferred = deferred
    if (isRecorded(job, newest) && (newest.deferred ?? '') === job.progress.deferred.names.join('\n')) return
    if (!isNothing(work)) return
    // Before the row, after which nobody looks any more.
    await noteMissingFloors(session, tables, work.floors).catch(unlessDenied)
    if (!(await maySayDeferred(job, session, tables))) return
    // The row of a run whose last answer was lost is still open.
    const id = job.progress.runId ?? (isWhole(job) ? await startRun(session, tables, recordOf(job)) : undefined)
    if (id === undefined) return
    job.progress.runId = id
    if (job.progress.deferred.names.length > 0) await noteDeferred(session, tables, id, job.progress.deferred.names)
    // A run that ended because the schema was not the right one is not made good by the next start.
    await verifyOrFail(job, session, tables, id)
    await finishRun(session, tables, id, { outcome: 'done' })
  } catch (error) {
    // A role that may only read can find nothing to do as well; without the row it asks two questions each time.
    if ((error as { code?: string }).code !== '42501') throw error
  } finally {
    await releaseLock(session, { key, emit: job.run.emit })
  }
}

/** Under the lock: proves the schema although nothing is pending, and records the run when the role may. */
export async function proveNothingToDo(job: Job, session: Session, tables: HistoryTables): Promise<void> {
  if (isComplete(job, await readNewestRun(session, tables))) return
  const { progress } = job
  if (isWhole(job) && (await maySayDeferred(job, session, tables))) {
    progress.runId ??= await startRun(session, tables, recordOf(job)).catch((error: { code?: string }) => {
      // Who may only read our tables has to know all the same.
      if (error.code !== '42501') throw error
      return null
    })
  }
  const { names } = progress.deferred
  if (progress.runId !== null && names.length > 0) await noteDeferred(session, tables, progress.runId, names)
  await verifyOrFail(job, session, tables, progress.runId)
  if (progress.runId !== null) await finishRun(session, tables, progress.runId, { outcome: 'done' })
}

/** Whether a row can say what is left; without it, it would pass for complete, and so none is written. */
async function maySayDeferred({ progress }: Job, session: Session, tables: HistoryTables): Promise<boolean> {
  try {
    await ensureDeferred(session, tables, progress.deferred.names)
    return true
  } catch (error) {
    unlessDenied(error as { code?: string })
    return false
  }
}

/** Proves the schema as the setting wants it; a run whose schema is not the right one ends as failed. */
export async function verifyOrFail(
  job: Job,
  session: Session,
  tables: HistoryTables,
  id: string | null,
): Promise<void> {
  try {
    await (await import('../verify/after-applying.ts')).verifyApplied(job, session, tables)
  } catch (error) {
    const code = error instanceof Failure ? { code: error.code } : {}
    const outcome = job.run.signal.aborted ? 'interrupted' : 'failed'
    const end = { outcome, ...code, error: job.run.redact(String(error)) } as const
    if (id !== null) await finishRun(session, tables, id, end).catch(() => {})
    throw error
  }
}

/** Who may not make, or write, what is beside the history may apply migrations all the same. */
export function unlessDenied(error: { code?: string }): void {
  if (error.code !== '42501' && error.code !== 'DENIED') throw error
}
