import { Failure } from '../errors.ts'
import { silenceBehind } from '../postgres/observe/silence.ts'
import { pause } from '../postgres/pause.ts'
import { Unwanted, noteLoss } from './connection.ts'
import { type Job, type JobProgress, listNotRun } from './job.ts'
import type { Run } from './run.ts'

const reconnections = 5
/** How long it takes to notice a silence, in addition to the wait for the server. */
const noticedWithinMs = 25_000
const shortestWaitMs = 1_000

/** What is done again on the next connection. */
interface Reconnecting {
  readonly run: Run
  readonly progress?: Pick<JobProgress, 'applied' | 'seeded'>
}

/**
 * A lost connection leaves the outcome open, so this connects again, locks, and reads in the history what happened.
 * Silence that comes again before anything was done counts as one: all of it takes no longer than noticing it and
 * waiting for the server once.
 */
export async function withReconnection<Work extends Reconnecting>(
  job: Work,
  attempt: (job: Work) => Promise<void>,
): Promise<void> {
  const { run, progress } = job
  const { emit, signal, config } = run
  const { waitTimeoutMs } = config
  let silent: { since: number; done: number; times: number } | undefined
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(silent === undefined ? job : { ...job, run: { ...run, config: shorter(silent.since) } })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      // After a first connection the failure is that it was lost, not that the server is not ready.
      if (error.code === 'NOT_READY' && tries > 1) throw new Failure('LOST', error.message, error.facts, error)
      if (error.code !== 'LOST' || error instanceof Unwanted || tries > reconnections || signal.aborted) throw error
      noteLoss(run.connection, error)
      const done = (progress?.applied.length ?? 0) + (progress?.seeded.length ?? 0)
      if (silent?.done !== done) silent = undefined
      const silence = silenceBehind(error)
      if (silence) silent ??= { since: performance.now() - silence.forMs, done, times: 0 }
      if (silence && silent && (silent.times += 1) > 1 && isOver(silent.since)) throw error
      emit({ type: 'connection_lost', reason: error.facts.reason ?? error.message })
      await pause(Math.random() * 250 * tries, signal)
    }
  }

  function isOver(silentSince: number) {
    return waitTimeoutMs !== 0 && performance.now() - silentSince >= waitTimeoutMs
  }

  function shorter(silentSince: number) {
    if (waitTimeoutMs === 0) return config
    const left = silentSince + waitTimeoutMs + noticedWithinMs - performance.now()
    return { ...config, waitTimeoutMs: Math.min(waitTimeoutMs, Math.max(left, shortestWaitMs)) }
  }
}

/** Runs to the end and returns 0, or reports the failure together with what had been done before it. */
export async function reportEnd(job: Job, work: () => Promise<void>): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    const { applied } = job.progress
    const notRun = listNotRun(job.progress, job.run.signal.aborted)
    if (error instanceof Failure) job.run.emit({ type: 'failed', failure: error, applied, notRun })
    throw error
  }
}
