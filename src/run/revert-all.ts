import { type HistoryRow, readHistory } from '../history/rows.ts'
import { finishRun, startRun } from '../history/runs.ts'
import type { HistoryTables } from '../history/tables.ts'
import { resetSession } from '../postgres/prepare.ts'
import { recordEnd } from './apply.ts'
import { runSteps } from './apply/sequence.ts'
import type { StepContext } from './apply/step.ts'
import { readMarkedEnvironment, requireConsent } from './consent.ts'
import { breakEndlessLoops } from './endless-loop.ts'
import { type Job, recordOf } from './job.ts'
import { findDowns, revert } from './revert.ts'

/** Picks the migrations to revert from the applied ones, the newest first. */
export type Choose = (newestFirst: readonly HistoryRow[]) => readonly HistoryRow[] | Promise<readonly HistoryRow[]>

/** Reverts what `choose` picks; throws REFUSED before anything runs when one of them has no way back. */
export async function revertAll(
  job: Job,
  tables: HistoryTables,
  on: StepContext,
  choose: Choose,
): Promise<readonly HistoryRow[]> {
  const { session } = on
  const { run, progress } = job
  const rows = (await readHistory(session, tables)) ?? []
  const chosen = await choose(rows.filter((row) => row.kind === 'migration').reverse())
  if (chosen.length === 0) {
    run.emit({ type: 'warning', message: 'there is nothing to take back' })
    return chosen
  }
  await requireConsent(run, session, tables)
  const downs = await findDowns(job, chosen)
  const { withRevertBack } = await import('./adopt/write-back.ts')
  const writtenBy = await withRevertBack(job, session, tables)
  const begun = performance.now()
  const record = { ...recordOf(job), environment: await readMarkedEnvironment(session, tables) }
  const id = (progress.runId ??= await startRun(session, tables, record))
  const written = writtenBy(id)
  await resetSession(session, on.settings)
  const steps = downs.map((one, index) => ({
    name: `${index} ${one.row.name}`,
    run: async () => {
      progress.notRun = chosen.slice(index + 1).map(({ name }) => name)
      const durationMs = await revert(on, written, one)
      progress.reverted.push(one.row.name)
      on.emit({ type: 'reverted', name: one.row.name, durationMs })
      await resetSession(on.session, on.settings)
    },
  }))
  const stopBreaking = breakEndlessLoops(
    job,
    downs.flatMap(({ source }) => (source.kind === 'module' ? [source.migration] : [])),
  )
  try {
    await runSteps(steps)
    // A redo goes on, as the same run.
    if (job.command === 'down') await finishRun(session, tables, id, { outcome: 'done' })
  } catch (error) {
    await recordEnd({ job, session, tables, id }, error)
    throw error
  } finally {
    stopBreaking()
  }
  if (job.command === 'down') {
    run.emit({ type: 'done', applied: 0, seeded: 0, reverted: chosen.length, elapsedMs: performance.now() - begun })
  }
  return chosen
}
