import { type HistoryTables, historyTables } from '../history/tables.ts'
import { withLock } from '../postgres/lock.ts'
import type { StepContext } from './apply/step.ts'
import type { Job } from './job.ts'
import { requirePrimary, withServer } from './server.ts'
import { openStepContext } from './step-context.ts'

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
        return work(historyTables(session, config), on)
      },
    )
  })
}
