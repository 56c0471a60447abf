import { Failure } from '../errors.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { seedKey } from '../run/job.ts'
import type { Run } from '../run/run.ts'
import { holdCentral } from './central.ts'
import type { Listed } from './fleet.ts'
import { type Ledger, type Wanted, openLedger, readDone } from './ledger.ts'
import { canariesOf, choose, isOfShard, mayFail } from './order.ts'
import { type Command, runTarget } from './run-target.ts'
import { type Slots, openSlots } from './slots.ts'
import { type Summary, addFailure, emptySummary } from './summary.ts'
import { listFleet } from './targets.ts'

/** Flags of the command that say who comes when. */
interface Plan {
  readonly canaries: readonly Listed[]
  readonly rest: readonly Listed[]
  readonly most: number
}

/**
 * Applies the bundle to every tenant of this shard that is not done by the ledger, and answers what became of them. One
 * that fails stops no other, until more than --max-failed have failed, or a canary has.
 */
export async function runFleet(run: Run, command: Command): Promise<Summary> {
  const wanted = await wantedOf(run)
  const { count, left } = await listLeft(run, await readDone(run, wanted))
  const summary = { ...emptySummary(), nothing: count - left.length }
  if (left.length === 0) return summary
  const plan = planOf(run, count, left)
  const central = await holdCentral(run, run.config.target!)
  if (central === null) {
    throw new Failure('UNSAFE', 'the ledger of a fleet cannot be kept through a pooler in transaction mode', {
      next: 'Connect to the central database itself (UPFRONT_DATABASE_URL), or to the pooler in session mode.',
    })
  }
  const slots = openSlots(run, run.config.target)
  try {
    const on = { run, command, slots, summary, ledger: await openLedger(run, central.session, wanted), most: plan.most }
    await goThrough({ ...on, most: Math.min(0, plan.most) }, plan.canaries)
    if (summary.failed === 0) await goThrough(on, plan.rest)
  } finally {
    await slots.close()
    await central.close()
  }
  summary.notTried = count - summary.done - summary.nothing - summary.failed
  return summary
}

/** What every tenant is to have. */
export async function wantedOf(run: Run): Promise<Wanted> {
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  return { bundle: bundle.digest, seed: seeds && seedKey(seeds), proved: run.config.verify === 'fail' }
}

/** Those of this shard and of --only that are not done, and how many there are in all. */
async function listLeft(run: Run, done: ReadonlyMap<string, string>) {
  const { only } = run.flags
  const choice = typeof only === 'string' ? choose(only) : undefined
  const left: Listed[] = []
  let count = 0
  await listFleet(run, (one) => {
    if ((choice && !choice.has(one)) || !isOfShard(one, run.config.fleet)) return
    count += 1
    if (done.get(one.name) !== one.place) left.push(one)
  })
  if (choice === undefined || choice.unknown.size === 0) return { count, left }
  throw new Failure('USAGE', `the fleet has no tenant and no group called ${[...choice.unknown].join(', ')}`, {
    next: 'Write the names as the fleet has them (--only name,name).',
  })
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

interface Going {
  readonly run: Run
  readonly command: Command
  readonly slots: Slots
  readonly ledger: Ledger
  readonly summary: Summary
  readonly most: number
}

async function goThrough(on: Going, targets: readonly Listed[]): Promise<void> {
  const queue = targets.values()
  const worker = async () => {
    for (const one of queue) {
      on.run.signal.throwIfAborted()
      if (on.summary.failed > on.most) return
      await migrateOne(on, one)
    }
  }
  const { parallel } = on.run.config.fleet
  const ended = await Promise.allSettled(Array.from({ length: Math.min(parallel, targets.length) }, worker))
  for (const each of ended) if (each.status === 'rejected') throw each.reason
}

async function migrateOne({ run, command, slots, ledger, summary }: Going, listed: Listed): Promise<void> {
  const one = listed.open()
  try {
    const how = await slots.with(one.target, async () => {
      await ledger.begin(listed)
      return runTarget(run, one, command)
    })
    await ledger.end(listed, null)
    summary[how] += 1
  } catch (error) {
    run.signal.throwIfAborted()
    if (!(error instanceof Failure)) throw error
    addFailure(summary, one.name, error, [one.name, one.target.database])
    await ledger.end(listed, error)
  }
}
