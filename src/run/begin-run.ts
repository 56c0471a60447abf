import { ensureDeferred, noteDeferred, startRun } from '../history/runs.ts'
import type { HistoryTables } from '../history/tables.ts'
import type { Session } from '../postgres/session.ts'
import { type Job, recordOf } from './job.ts'

/** Writes the row of the run, unless there is one, and what it leaves: before it is complete, so that a later run knows of it. */
export async function beginRun(job: Job, session: Session, tables: HistoryTables): Promise<string> {
  const { progress } = job
  const { names } = progress.deferred
  await ensureDeferred(session, tables, names)
  const id = (progress.runId ??= await startRun(session, tables, recordOf(job)))
  if (names.length > 0) await noteDeferred(session, tables, id, names)
  return id
}
