import { Failure } from '../errors.ts'
import { pause } from '../postgres/pause.ts'
import type { Job } from './job.ts'

const reconnections = 5

/** A lost connection leaves the outcome open: connect again, lock, and read in the history what happened. */
export async function withReconnection(job: Pick<Job, 'run'>, attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      const { emit, signal } = job.run
      if (!(error instanceof Failure)) throw error
      // Who has been let in once and never again was not kept waiting: the connection is lost.
      if (error.code === 'NOT_READY' && tries > 1) throw new Failure('LOST', error.message, error.facts, error)
      if (error.code !== 'LOST' || tries > reconnections || signal.aborted) throw error
      emit({ type: 'connection_lost', reason: error.facts.reason ?? error.message })
      await pause(Math.random() * 250 * tries, signal)
    }
  }
}

/** Runs to the end and returns 0, or reports the failure together with what had been done before it. */
export async function reportEnd(job: Job, work: () => Promise<void>): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    const { applied, inFlight } = job.progress
    // What was stopped is still to be run.
    const notRun = [...(job.run.signal.aborted ? inFlight : []), ...job.progress.notRun]
    if (error instanceof Failure) job.run.emit({ type: 'failed', failure: error, applied, notRun })
    throw error
  }
}
