import type { Limits } from '../../migration.ts'
import type { StepRun } from './step.ts'

/** The same run, bounded as a file says of itself; what it does not say is as the settings have it. */
export function withLimits(run: StepRun, limits: Limits | undefined): StepRun {
  if (limits === undefined) return run
  const { settings } = run
  const { lockTimeoutMs = settings.lockTimeoutMs, statementTimeoutMs = settings.statementTimeoutMs } = limits
  return {
    ...run,
    lockRetryMs: limits.lockRetryMs ?? run.lockRetryMs,
    settings: { ...settings, lockTimeoutMs, statementTimeoutMs },
  }
}
