import type { Target } from '../config/database/target.ts'
import { Failure } from '../errors.ts'
import type { Run } from '../run/run.ts'
import type { FleetTarget, Listed } from './fleet.ts'
import { CentralFailure } from './keep-central.ts'
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
  /** Notes how it failed, or that it was stopped with the whole run. */
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
  let one: FleetTarget | undefined
  try {
    one = listed.open()
    const how = await visit(one, listed)
    summary[how] += 1
    progress.ended(listed.name, how, begun)
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof CentralFailure) throw error
    if (isStopped(error, run.signal)) {
      await failed?.(listed, error).catch(() => {})
      throw error
    }
    addFailure(summary, listed.name, error, [listed.name, ...(one === undefined ? [] : wordsOf(one.target))])
    progress.ended(listed.name, 'failed', begun, error)
    await failed?.(listed, error)
    run.signal.throwIfAborted()
  }
}

/** What of an error stands for one tenant alone. */
function wordsOf({ database, user, hosts }: Target): string[] {
  return [database, user, ...hosts.flatMap(({ host, port }) => [host, `${host}:${port}`])]
}

/** Whether it ended only because the whole run has to; what was left half done is a failure of its own. */
function isStopped(failure: Failure, { aborted, reason }: AbortSignal): boolean {
  return aborted && failure === reason
}
