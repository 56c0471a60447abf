import { Failure } from '../errors.ts'
import type { Run } from '../run/run.ts'
import type { FleetTarget, Listed } from './fleet.ts'
import type { Progress } from './progress.ts'
import { type Summary, addFailure } from './summary.ts'

/** Tenants that are gone through, and what becomes of them. */
export interface Going {
  readonly run: Run
  readonly summary: Summary
  readonly progress: Progress
  /** When more than so many have failed, no further one is begun. */
  readonly most: number
  /** Does what is to be done for one; rejects with a Failure when that failed. */
  readonly visit: (one: FleetTarget, listed: Listed) => Promise<'done' | 'nothing'>
  /** Notes how it failed. */
  readonly failed?: (listed: Listed, failure: Failure) => Promise<void>
}

/** Visits them in order, as many at once as UPFRONT_FLEET_PARALLEL says; one that fails stops no other below `most`. */
export async function goThrough(on: Going, targets: readonly Listed[]): Promise<void> {
  const queue = targets.values()
  const worker = async () => {
    for (const one of queue) {
      on.run.signal.throwIfAborted()
      if (on.summary.failed > on.most) return
      await visitOne(on, one)
    }
  }
  const { parallel } = on.run.config.fleet
  const ended = await Promise.allSettled(Array.from({ length: Math.min(parallel, targets.length) }, worker))
  for (const each of ended) if (each.status === 'rejected') throw each.reason
}

async function visitOne({ run, summary, progress, visit, failed }: Going, listed: Listed): Promise<void> {
  const begun = performance.now()
  const one = listed.open()
  try {
    const how = await visit(one, listed)
    summary[how] += 1
    progress.ended(one.name, how, begun)
  } catch (error) {
    run.signal.throwIfAborted()
    if (!(error instanceof Failure)) throw error
    addFailure(summary, one.name, error, [one.name, one.target.database, one.target.user])
    progress.ended(one.name, 'failed', begun, error)
    await failed?.(listed, error)
  }
}
