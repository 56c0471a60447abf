import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { startJob } from '../run/job.ts'
import { reportEnd, withReconnection } from '../run/reconnect.ts'
import { type ResetSoFar, reset as resetDatabase } from '../run/reset/reset.ts'
import type { Run } from '../run/run.ts'
import { announce } from '../run/server.ts'
import { underLock } from '../run/under-lock.ts'
import { requireSchema } from '../run/verify/after-applying.ts'

/** Drops what the migrations have made, and runs them and the seeds again under the same lock. */
export async function reset(run: Run): Promise<number> {
  const bundle = await openMigrationsOf(run)
  // What follows the drop is an up, and is recorded as one.
  const job = startJob(run, 'up', bundle, await openSeedsOf(run))
  await requireSchema(run)
  announce(run, 'reset', bundle)
  const soFar: ResetSoFar = {}
  return reportEnd(job, () =>
    withReconnection(job, (again) => underLock(again, (tables, on) => resetDatabase(again, tables, on, soFar))),
  )
}
