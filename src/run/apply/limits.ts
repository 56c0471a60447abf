import type { Limits } from '../../migration.ts'
import type { StepContext } from './step.ts'

/** The same context with the limits that a file sets for itself; the others stay those of the settings. */
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
