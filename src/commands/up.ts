import { readNewestRun } from '../history/runs.ts'
import { historyTables } from '../history/tables.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { type Job, isComplete, startJob } from '../run/job.ts'
import { reportEnd, withReconnection } from '../run/reconnect.ts'
import type { Run } from '../run/run.ts'
import { announce, requirePrimary, withServer } from '../run/server.ts'

/** The main job: when this resolves, the database has every migration of the bundle and the seeds that were asked for. */
export async function up(run: Run): Promise<number> {
  if (run.flags['dry-run']) return (await import('./plan.ts')).plan(run)
  const bundle = await openMigrationsOf(run)
  const job = startJob({ ...run, missingDatabase: 'create' }, 'up', bundle, await openSeedsOf(run))
  if (run.flags['to'] !== undefined) (await import('../run/up/up-to.ts')).upTo(await bundle.list(), run.flags['to'])
  if (run.config.verify === 'fail') await (await import('../run/verify/after-applying.ts')).requireSchema(run)
  announce(run, 'up', job.bundle)
  return reportEnd(job, () => withReconnection(job, attempt))
}

async function attempt(job: Job): Promise<void> {
  const { run, bundle, seeds } = job
  await withServer(
    run,
    async (session) => {
      const newest = await readNewestRun(session, historyTables(session, run.config))
      const done = isComplete(job, newest)
      if (!done) await requirePrimary(session)
      return { done, newest }
    },
    async (session, { done, newest }) => {
      if (!done) return (await import('../run/up/migrate.ts')).migrate(job, session)
      if (run.connection.cluster !== undefined)
        await (await import('../run/step-context.ts')).requireSameCluster(run, session)
      if (!newest?.leases && !run.config.tenant)
        await (await import('../run/contract/make-leases.ts')).makeLeases(run, session)
      const deferred = newest?.deferred?.split('\n') ?? []
      const migrations = bundle.count - deferred.length
      run.emit({ type: 'up_to_date', migrations, seed: seeds?.environment ?? null })
      if (deferred.length > 0) run.emit({ type: 'deferred', names: deferred, why: [] })
    },
  )
}
