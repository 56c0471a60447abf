import { Failure } from '../errors.ts'
import { bareName } from '../folder/bare-name.ts'
import { type HistoryRow, readHistory } from '../history/rows.ts'
import { finishRun, startRun } from '../history/runs.ts'
import { type HistoryTables, historyTables } from '../history/tables.ts'
import { withLock } from '../postgres/lock.ts'
import { resetSession } from '../postgres/prepare.ts'
import { recordEnd } from '../run/apply.ts'
import { runSteps } from '../run/apply/sequence.ts'
import type { StepContext } from '../run/apply/step.ts'
import { readMark, requireConsent } from '../run/consent.ts'
import { breakEndlessLoops } from '../run/endless-loop.ts'
import { openMigrationsOf } from '../run/folders.ts'
import { type Job, recordOf, startJob } from '../run/job.ts'
import { reportEnd } from '../run/reconnect.ts'
import { findDowns, revert } from '../run/revert.ts'
import type { Run } from '../run/run.ts'
import { announce, requirePrimary, withServer } from '../run/server.ts'
import { openStepContext } from '../run/step-context.ts'

/** Takes the newest migrations back, one transaction each: `--step n` of them, or all after `--to name`. */
export async function down(run: Run): Promise<number> {
  const job = startJob(run, 'down', await openMigrationsOf(run), null)
  announce(run, 'down', job.bundle)
  const choose = chooseBy(run)
  return reportEnd(job, () =>
    underLock(job, async (tables, on) => {
      await takeBack(job, tables, on, choose)
    }),
  )
}

/** Connects, locks, asks for consent, and lets `work` change what is applied. */
export async function underLock(
  job: Pick<Job, 'run'>,
  work: (tables: HistoryTables, on: StepContext) => Promise<void>,
): Promise<void> {
  const { run } = job
  const { config, emit, signal } = run
  await withServer(run, requirePrimary, async (session) => {
    const on = await openStepContext(run, session)
    run.phase.current = 'waiting for the lock'
    const lock = { key: on.lockKey, waitMs: config.lockWaitMs, wait: run.lockWait, emit, signal }
    await withLock(
      session,
      lock,
      async () => false,
      () => {
        run.phase.current = 'applying'
        return work(historyTables(session, config.schema), on)
      },
    )
  })
}

/** Picks, from the applied migrations with the newest first, those that are to go. */
type Choose = (newestFirst: readonly HistoryRow[]) => readonly HistoryRow[] | Promise<readonly HistoryRow[]>

/** Reverts what `choose` picks; throws REFUSED before anything runs when one of them has no way back. */
export async function takeBack(
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
  const begun = performance.now()
  const record = { ...recordOf(job), environment: await readMark(session, tables) }
  const id = (progress.runId ??= await startRun(session, tables, record))
  await resetSession(session, on.settings)
  const steps = downs.map((one, index) => ({
    name: `${index} ${one.row.name}`,
    run: async () => {
      progress.notRun = chosen.slice(index + 1).map(({ name }) => name)
      const durationMs = await revert(on, tables, one)
      progress.reverted.push(one.row.name)
      on.emit({ type: 'reverted', name: one.row.name, durationMs })
      await resetSession(on.session, on.settings)
    },
  }))
  const stopBreaking = breakEndlessLoops(
    job,
    downs.flatMap(({ way }) => (way.kind === 'module' ? [way.migration] : [])),
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

function chooseBy(run: Run): Choose {
  const { step, to } = run.flags
  if (step !== undefined && to !== undefined) throw new Failure('USAGE', 'down takes --step or --to, not both')
  if (typeof to === 'string') return (rows) => after(rows, bareName(to))
  const count = step === undefined ? 1 : Number(step)
  if (!Number.isInteger(count) || count < 1) {
    throw new Failure('USAGE', `--step ${String(step)} is not a number of migrations`, {
      next: 'For example: --step 2',
    })
  }
  return (rows) => rows.slice(0, count)
}

function after(rows: readonly HistoryRow[], name: string): readonly HistoryRow[] {
  const at = rows.findIndex((row) => row.name.normalize('NFC') === name.normalize('NFC'))
  if (at !== -1) return rows.slice(0, at)
  throw new Failure('USAGE', `${name} is not applied, so there is no going back to it`, {
    next: 'upfront status lists what is applied; --to names the one that stays as the newest.',
  })
}
