// What `up` says when it has come to its end.
import { Failure } from '../../errors.ts'
import type { Identity, SeedBundle } from '../../migration.ts'
import { joinNames } from '../../report/failure.ts'
import { type Job, isWhole } from '../job.ts'
import type { Run } from '../run.ts'
import type { Work } from './work.ts'

/** An image that was rolled back must start, so it only says what is ahead of it and which seeds it has not applied. */
export function tellAhead({ run, seeds, command, progress }: Job, { ahead, seedsLeft }: Work): void {
  if (seeds !== null && seedsLeft.length > 0) warnOfSeeds(run, seeds, seedsLeft, isAhead)
  run.emit({ type: 'ahead', names: ahead })
  // Whoever keeps an account, as a fleet does, would else take contract migrations that are left for applied.
  const { names } = progress.deferred
  if (names.length === 0) return
  if (command === 'contract')
    throw new Failure('REFUSED', 'the database is ahead of this image, which contracts nothing; nothing was changed', {
      list: names.map((name) => `${name}: deferred still`),
      next: 'Run upfront contract with the newest image, which has these too.',
    })
  run.emit({ type: 'deferred', names, why: [isAhead] })
}

const isAhead = 'the database is ahead of this image'

function warnOfSeeds(run: Run, { environment }: SeedBundle, left: readonly Identity[], why: string): void {
  const names = joinNames(left.map(({ name }) => name))
  run.emit({ type: 'warning', message: `the seeds for ${environment} were not run, because ${why}: ${names}` })
}

/** `work` is what there was to do at the last look; undefined when another runner has done it. */
export function emitDone(job: Job, work: Work | undefined): void {
  emitOutcome(job, work)
  const { names, why } = job.progress.deferred
  if (names.length > 0) job.run.emit({ type: 'deferred', names, why })
}

function emitOutcome(job: Job, work: Work | undefined): void {
  const { progress, run, bundle, seeds } = job
  const { applied, seeded, heldBack } = progress
  const left = isWhole(job) ? [] : (work?.seedsLeft ?? [])
  if (seeds !== null && left.length > 0) warnOfSeeds(run, seeds, left, 'migrations are held back')
  if (!isWhole(job)) run.emit({ type: 'held_back', names: heldBack })
  if (applied.length + seeded.length === 0) {
    const environment = isWhole(job) ? (seeds?.environment ?? null) : null
    return run.emit({
      type: 'up_to_date',
      migrations: bundle.count - heldBack.length - progress.deferred.names.length,
      seed: environment,
    })
  }
  const elapsedMs = performance.now() - job.begun
  run.emit({ type: 'done', applied: applied.length, seeded: seeded.length, reverted: 0, elapsedMs })
}
