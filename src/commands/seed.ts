import { Failure } from '../errors.ts'
import { pendingSeeds } from '../history/pending-seeds.ts'
import { listIgnored, makePlan, refuseMismatch } from '../history/plan.ts'
import { readHistory } from '../history/rows.ts'
import { applyAll } from '../run/apply.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { warnIgnored } from '../run/ignored.ts'
import { startJob } from '../run/job.ts'
import { reportEnd, withReconnection } from '../run/reconnect.ts'
import { mismatchPolicy } from '../run/mismatch-policy.ts'
import type { Run } from '../run/run.ts'
import { announce } from '../run/server.ts'
import { underLock } from '../run/under-lock.ts'

/** Applies the seeds of one environment to a database that has every migration already. */
export async function seed(run: Run): Promise<number> {
  const seeds = await openSeedsOf(run)
  if (seeds === null) {
    throw new Failure('USAGE', 'no environment was named whose seeds are to run', {
      next: 'Say which: --seed development, or UPFRONT_SEED=development.',
    })
  }
  const job = startJob(run, 'seed', await openMigrationsOf(run), seeds)
  announce(run, 'seed', job.bundle)
  return reportEnd(job, () =>
    withReconnection(job, (again) =>
      underLock(again, async (tables, on) => {
        const history = (await readHistory(on.session, tables)) ?? []
        const plan = makePlan(
          await job.bundle.list(),
          history.filter((row) => row.kind === 'migration'),
        )
        const policy = mismatchPolicy(run.config, job.bundle)
        refuseMismatch(plan, policy)
        warnIgnored(job, listIgnored(plan, policy))
        if (plan.pending.length > 0) throw notYet(plan.pending.map(({ name }) => name))
        const pending = await seeds.open(pendingSeeds(await seeds.list(), history))
        if (pending.length > 0) await applyAll(job, tables, on, { migrations: [], seeds: pending, history })
        const elapsedMs = performance.now() - job.begun
        if (pending.length > 0)
          run.emit({ type: 'done', applied: 0, seeded: job.progress.seeded.length, reverted: 0, elapsedMs })
        else run.emit({ type: 'up_to_date', migrations: job.bundle.count, seed: seeds.environment })
      }),
    ),
  )
}

function notYet(list: readonly string[]): Failure {
  return new Failure('PENDING', 'seeds are for the whole schema, and migrations are pending', {
    list,
    next: 'Run upfront up --seed <environment>: it does both.',
  })
}
