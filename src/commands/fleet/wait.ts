import { Failure } from '../../errors.ts'
import { readFleetStatus } from '../../fleet/fleet-status.ts'
import { nameSome } from '../../fleet/summary.ts'
import { pause } from '../../postgres/pause.ts'
import type { Run } from '../../run/run.ts'

const firstPauseMs = 500
const longestPauseMs = 5_000
const repeatAfterMs = 10_000
/** How long a server that has answered before may take for its last answer, so that the reason given is the true one. */
const lastLookMs = 1_000

/**
 * The gate of a fleet: resolves when the ledger says of every tenant, or of those of --only, that it has this bundle; only
 * reads, and connects to no tenant. Throws PENDING when that is not so by the end of the wait.
 */
export async function fleetWait(run: Run): Promise<number> {
  const { waitTimeoutMs } = run.config
  const begun = performance.now()
  const left = () => (waitTimeoutMs === 0 ? Infinity : waitTimeoutMs - (performance.now() - begun))
  let pauseMs = firstPauseMs
  let said = { count: -1, at: 0 }
  for (;;) {
    const budgetMs = Math.ceil(Math.max(left(), lastLookMs))
    // No version waits for what is applied only when the one before it is gone.
    const config = { ...run.config, contract: 'defer', waitTimeoutMs: budgetMs === Infinity ? 0 : budgetMs } as const
    const { count, behind } = await readFleetStatus({ ...run, config })
    const elapsedMs = Math.round(performance.now() - begun)
    if (behind.length === 0) {
      run.emit({ type: 'fleet', command: 'fleet wait', done: 0, nothing: count, failed: 0, notTried: 0, elapsedMs })
      return 0
    }
    const names = behind.map(({ name }) => name)
    if (left() <= 0) throw pending(behind.length, count, names, waitTimeoutMs)
    if (behind.length !== said.count || elapsedMs - said.at >= repeatAfterMs) {
      const phase = `${behind.length} of ${count} tenants are not done: ${nameSome(names)}`
      const percent = Math.floor(((count - behind.length) * 100) / count)
      run.emit({ type: 'progress', name: 'fleet wait', phase, percent, elapsedMs })
      said = { count: behind.length, at: elapsedMs }
    }
    // Not connected in between: many gates may wait at once.
    await pause(Math.min(pauseMs * (0.75 + Math.random() / 2), Math.max(left(), 0)), run.signal)
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)
  }
}

function pending(left: number, count: number, names: readonly string[], waitedMs: number): Failure {
  return new Failure('PENDING', `${left} of ${count} tenants do not have this bundle after ${waitedMs / 1000} s`, {
    list: names.slice(0, 10),
    next: 'Run upfront fleet up, or look why it has not finished: upfront fleet status.',
  })
}
