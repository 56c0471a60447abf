import type { Bundle, SeedBundle } from '../migrations/migration.ts'
import type { NewestRun, RunRecord } from '../migrations/runs.ts'
import { version } from '../version.ts'
import type { Run } from './run.ts'

/** What a run that changes the database works with, and what it has done so far; kept over reconnections. */
export interface Job {
  readonly run: Run
  readonly command: string
  readonly bundle: Bundle
  readonly seeds: SeedBundle | null
  readonly progress: Progress
  readonly begun: number
}

export interface Progress {
  /** Our row in the runs, once there is one. */
  runId: string | null
  /** When this run first found something to do, by the server's clock. */
  waitingSince: string | null
  /** What had been sent to be committed when the connection was lost. */
  inFlight: readonly string[]
  readonly applied: string[]
  readonly seeded: string[]
  readonly reverted: string[]
  notRun: readonly string[]
}

export function startJob(run: Run, command: string, bundle: Bundle, seeds: SeedBundle | null): Job {
  const progress = { runId: null, waitingSince: null, inFlight: [], applied: [], seeded: [], reverted: [], notRun: [] }
  return { run, command, bundle, seeds, progress, begun: performance.now() }
}

/** Whether the newest run that wrote something was a complete one of this bundle and these seeds. */
export function isComplete({ bundle, seeds }: Job, newest: NewestRun | null): boolean {
  if (newest?.command !== 'up' || newest.outcome !== 'done' || newest.bundle !== bundle.digest) return false
  return seeds === null || newest.seed === seedKey(seeds)
}

/** How a run's row names its seeds. */
export function seedKey(seeds: SeedBundle): string {
  return `${seeds.environment}:${seeds.digest}`
}

/** The row of the run. */
export function recordOf({ run, command, bundle, seeds }: Job): RunRecord {
  return {
    command,
    bundle: bundle.digest,
    seed: seeds === null ? null : seedKey(seeds),
    environment: run.config.environment,
    version,
    host: run.io.hostname,
  }
}
