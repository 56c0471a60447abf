import { isContention } from '../../postgres/classify.ts'
import type { Watch } from '../../postgres/observe/guard.ts'
import { pause } from '../../postgres/pause.ts'
import { ScriptError } from '../../postgres/script.ts'
import type { StepContext } from './step.ts'

const firstRetryMs = 1_000
const longestRetryMs = 15_000

/** Others' locks kept something from running until its retries were over. */
export class StillBusy extends Error {
  readonly watch: Watch

  constructor(cause: unknown, watch: Watch) {
    super((cause as Error).message, { cause })
    this.watch = watch
  }
}

/** For attempts that reject with other errors than a ScriptError, or that change the session. */
interface Attempts {
  /** The error of Postgres or the socket behind that of the attempt. */
  readonly causeOf?: (error: unknown) => unknown
  /** Cleans the session up before the next attempt. */
  readonly between?: () => Promise<void>
}

/**
 * Runs something that leaves nothing behind when it fails, and again while others' locks stop it; throws StillBusy at
 * last.
 */
export async function whileBusy<Result>(
  run: StepContext,
  name: string,
  attempt: () => Promise<Result>,
  { causeOf = causeOfScript, between }: Attempts = {},
): Promise<Result> {
  const begun = performance.now()
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, longestRetryMs)) {
    const watch = run.watch(() => name)
    try {
      return await attempt()
    } catch (error) {
      const cause = causeOf(error)
      if (run.signal.aborted || !isContention(cause)) throw error
      const left = run.lockRetryMs - (performance.now() - begun)
      if (left <= 0) throw new StillBusy(cause, watch)
      const delayMs = Math.min(retryMs * (0.5 + Math.random() / 2), left)
      run.emit({ type: 'retrying', name, reason: (cause as Error).message, delayMs })
      watch.stop()
      await between?.()
      await pause(delayMs, run.signal)
    } finally {
      watch.stop()
    }
  }
}

function causeOfScript(error: unknown): unknown {
  return error instanceof ScriptError ? error.error : error
}
