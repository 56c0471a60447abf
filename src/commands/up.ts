import { describeTarget } from '../config/target.ts'
import { Failure } from '../errors.ts'
import type { Bundle, SeedBundle } from '../migrations/migration.ts'
import { type NewestRun, readNewestRun } from '../migrations/runs.ts'
import { historyTables } from '../migrations/tables.ts'
import { pause } from '../postgres/pause.ts'
import { version } from '../version.ts'
import { openMigrationsOf, openSeedsOf } from './folders.ts'
import type { Run } from './run.ts'
import { requirePrimary, withServer } from './server.ts'

/** What an `up` works with, and what it has done so far; kept over reconnections. */
export interface Job {
  readonly run: Run
  readonly bundle: Bundle
  readonly seeds: SeedBundle | null
  readonly progress: {
    /** Our row in the runs, once there is one. */
    runId: string | null
    /** What had been sent to be committed when the connection was lost. */
    inFlight: string | null
    readonly applied: string[]
    readonly seeded: string[]
    notRun: readonly string[]
  }
  readonly begun: number
}

const reconnections = 5

/** The main job: when this resolves, the database has every migration of the bundle and the seeds that were asked for. */
export async function up(run: Run): Promise<number> {
  const { config, emit } = run
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  const begun = performance.now()
  const progress = { runId: null, inFlight: null, applied: [], seeded: [], notRun: [] }
  const job: Job = { run, bundle, seeds, progress, begun }
  emit({
    type: 'start',
    command: 'up',
    version,
    bundle: bundle.dir,
    migrations: bundle.count,
    target: describeTarget(config.target!),
    source: config.target!.source,
  })
  try {
    await withReconnection(job, () => attempt(job))
    return 0
  } catch (error) {
    const { applied, notRun } = job.progress
    if (error instanceof Failure) emit({ type: 'failed', failure: error, applied, notRun })
    throw error
  }
}

/** A lost connection leaves the outcome open: connect again, lock, and read in the history what happened. */
async function withReconnection(job: Job, attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      const { emit, signal } = job.run
      if (!(error instanceof Failure) || error.code !== 'LOST' || tries > reconnections || signal.aborted) throw error
      emit({ type: 'connection_lost', reason: error.facts.reason ?? error.message })
      await pause(Math.random() * 250 * tries, signal)
    }
  }
}

async function attempt(job: Job): Promise<void> {
  const { run, bundle } = job
  await withServer(
    run,
    async (session) => {
      const newest = await readNewestRun(session, historyTables(session, run.config.schema))
      const done = isComplete(job, newest)
      if (!done) await requirePrimary(session)
      return done
    },
    async (session, done) => {
      if (!done) return (await import('./migrate.ts')).migrate(job, session)
      run.emit({ type: 'up_to_date', migrations: bundle.count, seed: job.seeds?.environment ?? null })
    },
  )
}

/** Whether the newest run that wrote something was a complete one of this bundle and these seeds. */
export function isComplete(job: Job, newest: NewestRun | null): boolean {
  if (newest?.command !== 'up' || newest.outcome !== 'done' || newest.bundle !== job.bundle.digest) return false
  return job.seeds === null || newest.seed === seedKey(job.seeds)
}

/** How a run's row names its seeds. */
export function seedKey(seeds: SeedBundle): string {
  return `${seeds.environment}:${seeds.digest}`
}
