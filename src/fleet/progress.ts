import type { Failure } from '../errors.ts'
import type { Run } from '../run/run.ts'
import { type Summary, reasonOf } from './summary.ts'
import { tellRepeated } from './warnings.ts'

/** Says how far a fleet is: an event for each tenant, and one line for people. */
export interface Progress {
  /** Tells how one ended, after it was counted. */
  readonly ended: (name: string, state: 'done' | 'nothing' | 'failed', begun: number, failure?: Failure) => void
  readonly over: () => void
}

/** `count` is how many tenants there are. */
export function openProgress(run: Run, command: string, count: number, summary: Summary): Progress {
  const started = performance.now()
  return {
    ended: (name, state, begun, failure) => {
      const now = performance.now()
      const reason = failure === undefined ? null : run.redact(reasonOf(failure))
      run.emit({
        type: 'tenant',
        name,
        state,
        code: failure?.code ?? null,
        reason,
        durationMs: Math.round(now - begun),
      })
      const over = summary.done + summary.nothing + summary.failed
      const phase = `${over} of ${count} tenants${summary.failed > 0 ? `, ${summary.failed} failed` : ''}`
      const percent = Math.floor((over * 100) / count)
      run.emit({ type: 'progress', name: command, phase, percent, elapsedMs: Math.round(now - started) })
    },
    over: () => {
      tellRepeated(run)
      const { done, nothing, failed, notTried } = summary
      const elapsedMs = Math.round(performance.now() - started)
      run.emit({ type: 'fleet', command, done, nothing, failed, notTried, elapsedMs })
    },
  }
}
