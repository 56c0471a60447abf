import type { NewestRun, RunRecord } from '../history/runs.ts'
import type { Bundle, SeedBundle } from '../migration.ts'
import { type LockWait, noWait } from '../postgres/lock.ts'
import { version } from '../version.ts'
import type { Run } from './run.ts'

/** What a run that changes the database works with, and what it has done so far; kept over reconnections. */
export interface Job {
  readonly run: Run
  readonly command: string
  readonly bundle: Bundle
  readonly seeds: SeedBundle | null
  readonly progress: JobProgress
  readonly begun: number
}

export interface JobProgress {
  /** Our row in the runs, once there is one. */
  runId: string | null
  /** When this run first found something to do, by the server's clock. */
  waitingSince: string | null
  /** The wait for the lock of the tool whose folder it is. */
  readonly foreignWait: LockWait
  /** What had been sent to be committed when the connection was lost. */
  inFlight: readonly string[]
  readonly applied: string[]
  readonly seeded: string[]
  readonly reverted: string[]
  /** All that is to come, as far as it is known. */
  notRun: readonly string[]
  /** Pending ones that come after the last one to apply. */
  heldBack: readonly string[]
  /** Contract migrations that are left, and why. */
  deferred: Deferred
  /** What was warned of, because a run looks twice: before it has the lock, and with it. */
  readonly warned: Set<string>
}

/** What waits until nothing of the version before is left; the reasons are for people. */
export interface Deferred {
  readonly names: readonly string[]
  readonly why: readonly string[]
}

export function startJob(run: Run, command: string, bundle: Bundle, seeds: SeedBundle | null): Job {
  const done = { applied: [], seeded: [], reverted: [] }
  const progress = {
    ...done,
    runId: null,
    waitingSince: null,
    inFlight: [],
    notRun: [],
    heldBack: [],
    deferred: { names: [], why: [] },
    warned: new Set<string>(),
    foreignWait: noWait(),
  }
  return { run, command, bundle, seeds, progress, begun: performance.now() }
}

/** What this run has not done, each name once; what was in flight when it was stopped is still to be run. */
export function listNotRun({ applied, seeded, inFlight, notRun }: JobProgress, isStopped: boolean): string[] {
  const done = new Set([...applied, ...seeded])
  return [...new Set([...(isStopped ? inFlight : []), ...notRun])].filter((name) => !done.has(name))
}

/**
 * Whether the newest run that wrote something was a complete one of this bundle and these seeds, and found the schema
 * right when that is to be proved.
 */
export function isComplete(job: Job, newest: NewestRun | null): boolean {
  return isRecorded(job, newest) && !(newest?.deferred && mayContract(job))
}

/** Whether this run looks if what waits for the older version to be gone may be applied now. */
export function mayContract({ run, command }: Job): boolean {
  return command === 'contract' || run.config.contract !== 'defer'
}

/** The same, but that contract migrations may be left which this run would look at again. */
export function isRecorded({ run, bundle, seeds }: Job, newest: NewestRun | null): newest is NewestRun {
  if (newest === null || !recorders.has(newest.command) || newest.outcome !== 'done') return false
  if (newest.bundle !== bundle.digest) return false
  if (run.config.verify === 'fail' && newest.verified !== 'same') return false
  return seeds === null || newest.seed === seedKey(seeds)
}

const recorders: ReadonlySet<string> = new Set(['up', 'contract'])

/** How a run's row names its seeds. */
export function seedKey(seeds: SeedBundle): string {
  return `${seeds.environment}:${seeds.digest}`
}

/** Whether nothing is held back, so that this run can leave everything done. */
export function isWhole({ progress }: Job): boolean {
  return progress.heldBack.length === 0
}

/** The row of the run; it names no bundle when something is held back, so that no later run takes it for complete. */
export function recordOf(job: Job): RunRecord {
  const { run, command, bundle, seeds } = job
  const whole = isWhole(job)
  return {
    command,
    bundle: whole ? bundle.digest : null,
    seed: whole && seeds !== null ? seedKey(seeds) : null,
    environment: run.config.environment,
    version,
    host: run.io.hostname,
  }
}
