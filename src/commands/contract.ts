import { historyTables } from '../history/tables.ts'
import { readNewestRun } from '../history/runs.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { isComplete, startJob } from '../run/job.ts'
import { reportEnd, withReconnection } from '../run/reconnect.ts'
import type { Run } from '../run/run.ts'
import { announce, requirePrimary, withServer } from '../run/server.ts'

/**
 * What `up` does, and the contract migrations as well, each in its place. Throws PENDING while something older lives, and
 * REFUSED when nothing tells.
 */
export async function contract(run: Run): Promise<number> {
  const job = startJob(run, 'contract', await openMigrationsOf(run), await openSeedsOf(run))
  if (run.config.verify === 'fail') await (await import('../run/verify/after-applying.ts')).requireSchema(run)
  announce(run, 'contract', job.bundle)
  return reportEnd(job, () =>
    withReconnection(job, (again) =>
      withServer(again.run, requirePrimary, async (session) => {
        const tables = historyTables(session, again.run.config)
        if (!isComplete(again, await readNewestRun(session, tables)))
          return (await import('../run/up/migrate.ts')).migrate(again, session)
        run.emit({ type: 'up_to_date', migrations: job.bundle.count, seed: job.seeds?.environment ?? null })
      }),
    ),
  )
}
