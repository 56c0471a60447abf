import type { Limits } from '../../migration.ts'
import type { StepContext } from './step.ts'

/** The same run, bounded as a file says of itself; what it does not say is as the settings have it. */
export function withLimits(run: StepContext, limits: Limits | undefined): StepContext {
  if (limits === undefined) return run
  const { settings } = run
  const { lockTimeoutMs = settings.lockTimeoutMs, statementTimeoutMs = settings.statementTimeoutMs } = limits
  return {
    ...run,
    lockRetryMs: limits.lockRetryMs ?? run.lockRetryMs,
    settings: { ...settings, lockTimeoutMs, statementTimeoutMs },
  }
}
