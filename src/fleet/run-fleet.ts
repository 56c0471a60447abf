import { Failure } from '../errors.ts'
import type { Bundle } from '../migration.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { seedKey } from '../run/job.ts'
import type { Run } from '../run/run.ts'
import { announce } from '../run/server.ts'
import { atLedger } from './central.ts'
import type { Listed } from './fleet.ts'
import { chosenOf } from './chosen.ts'
import { type Going, goThrough } from './go-through.ts'
import { keepCentral, pooled } from './keep-central.ts'
import { type Wanted, openLedger, readDone } from './ledger.ts'
import { canariesOf, choose, isOfShard, mayFail } from './order.ts'
import { type Progress, openProgress } from './progress.ts'
import { type Command, runTarget } from './run-target.ts'
import { openSlots } from './slots/slots.ts'
import { type Summary, emptySummary } from './summary.ts'

/** Flags of the command that say who comes when. */
interface Plan {
  readonly canaries: readonly Listed[]
  readonly rest: readonly Listed[]
  readonly most: number
}

/** What became of a fleet, and what ended the run before it was through. */
export interface Ended {
  readonly summary: Summary
  readonly early?: { readonly error: unknown }
}

/**
 * Applies the bundle to every tenant of this shard that is not done by the ledger, and answers what became of them. One
 * that fails stops no other, until more than --max-failed have failed, or a canary has.
 */
export async function runFleet(run: Run, command: Command): Promise<Ended> {
  const { wanted, bundle } = await wantedOf(run)
  announce(run, 'fleet up', bundle)
  const { count, left } = await listLeft(run, await readDone(atLedger(run), wanted))
  const summary = { ...emptySummary(), nothing: count - left.length }
  const progress = openProgress(run, 'fleet up', count, summary)
  const plan = planOf(run, count, left)
  const ended = left.length > 0 ? await applyTo(run, plan, wanted, { command, summary, progress }) : {}
  summary.notTried = count - summary.done - summary.nothing - summary.failed
  progress.over()
  return { summary, ...ended }
}

interface Applying {
  readonly command: Command
  readonly summary: Summary
  readonly progress: Progress
}

async function applyTo(
  run: Run,
  { canaries, rest, most }: Plan,
  wanted: Wanted,
  doing: Applying,
): Promise<Pick<Ended, 'early'>> {
  const { command, summary, progress } = doing
  const keeping = atLedger(run)
  const central = await keepCentral(keeping, keeping.config.target!)
  if (central === null) throw pooled()
  const slots = openSlots(keeping, keeping.config.target)
  try {
    const ledger = await openLedger(keeping, central, wanted)
    run.phase.current = 'applying'
    const visit: Going['visit'] = async (one, listed) => {
      const { how, isDeferred } = await slots.with(one.target, async () => {
        await ledger.begin(listed)
        return runTarget(run, one, command)
      })
      await ledger.end(listed, { isDeferred })
      return how
    }
    const failed: Going['failed'] = (listed, failure) => ledger.end(listed, { failure })
    const on = { run, summary, progress, visit, failed }
    try {
      await goThrough({ ...on, most: Math.min(0, most) }, canaries)
      if (summary.failed === 0) await goThrough({ ...on, most }, rest)
      return {}
    } catch (error) {
      return { early: { error: run.signal.aborted ? run.signal.reason : error } }
    }
  } finally {
    await slots.close()
    await central.close()
  }
}

/** What every tenant is to have, and the bundle that it is of. */
export async function wantedOf(run: Run): Promise<{ readonly wanted: Wanted; readonly bundle: Bundle }> {
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  const { verify, contract } = run.config
  const asked = { proved: verify === 'fail', contracted: contract !== 'defer' }
  const wanted = { bundle: bundle.digest, seed: seeds && seedKey(seeds), ...asked }
  return { wanted, bundle }
}

/** Those of this shard and of --only that are not done, and how many there are in all. */
export async function listLeft(run: Run, done: ReadonlyMap<string, string>) {
  const { canary } = run.flags
  const canaries = typeof canary === 'string' && !/^\d+$/.test(canary) ? choose(canary) : null
  const found = await chosenOf(run, () => {
    const left: Listed[] = []
    let count = 0
    const take = (one: Listed) => {
      canaries?.has(one)
      if (!isOfShard(one, run.config.fleet)) return
      count += 1
      if (done.get(one.name) !== one.place) left.push(one)
    }
    return { take, answer: () => ({ count, left }) }
  })
  // Without this check a slip of the pen would run the whole fleet with no canary.
  if (canaries !== null && canaries.unknown.size > 0) {
    const unknown = [...canaries.unknown].map((word) => JSON.stringify(word)).join(', ')
    const whose = typeof run.flags['only'] === 'string' ? 'among those of --only ' : ''
    throw new Failure('USAGE', `--canary: ${whose}there is no tenant and no group called ${unknown}`, {
      next: 'Write names or groups as the fleet has them, or how many come first (--canary 10).',
    })
  }
  return found
}

function planOf({ flags }: Run, count: number, left: readonly Listed[]): Plan {
  const list = typeof flags['canary'] === 'string' ? flags['canary'] : undefined
  const most = mayFail(typeof flags['max-failed'] === 'string' ? flags['max-failed'] : undefined, count)
  if (most === undefined) {
    throw new Failure('USAGE', `--max-failed ${String(flags['max-failed'])} is neither a number nor a percentage`, {
      next: 'Write --max-failed 10, or --max-failed 5%.',
    })
  }
  const canaries = new Set(canariesOf(left, list))
  return { canaries: [...canaries], rest: left.filter((one) => !canaries.has(one)), most }
}
