import { Failure } from '../errors.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { seedKey } from '../run/job.ts'
import type { Run } from '../run/run.ts'
import { holdCentral } from './central.ts'
import type { FleetTarget } from './fleet.ts'
import { type Ledger, type Wanted, openLedger, placeOf, readDone } from './ledger.ts'
import { canariesOf, mayFail, ofShard, pick } from './order.ts'
import { type Command, runTarget } from './run-target.ts'
import { type Slots, openSlots } from './slots.ts'
import { type Summary, addFailure, emptySummary } from './summary.ts'
import { targetsOf } from './targets.ts'

/** Flags of the command that say who comes when. */
interface Plan {
  readonly canaries: readonly FleetTarget[]
  readonly rest: readonly FleetTarget[]
  readonly most: number
}

/**
 * Applies the bundle to every tenant of this shard that is not done by the ledger, and answers what became of them. One
 * that fails stops no other, until more than --max-failed have failed, or a canary has.
 */
export async function runFleet(run: Run, command: Command): Promise<Summary> {
  const wanted = await wantedOf(run)
  const all = await targetsOf(run)
  const done = await readDone(run, wanted)
  const mine = ofShard(only(run, all), run.config.fleet)
  const left = mine.filter((one) => done.get(one.name) !== placeOf(one))
  const summary = { ...emptySummary(), nothing: mine.length - left.length }
  if (left.length === 0) return summary
  const plan = planOf(run, mine, left)
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
  summary.notTried = mine.length - summary.done - summary.nothing - summary.failed
  return summary
}

/** What every tenant is to have. */
export async function wantedOf(run: Run): Promise<Wanted> {
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  return { bundle: bundle.digest, seed: seeds && seedKey(seeds), proved: run.config.verify === 'fail' }
}

function only(run: Run, all: readonly FleetTarget[]): readonly FleetTarget[] {
  const list = run.flags['only']
  if (typeof list !== 'string') return all
  const { picked, unknown } = pick(all, list)
  if (unknown.length === 0) return picked
  throw new Failure('USAGE', `the fleet has no tenant and no group called ${unknown.join(', ')}`, {
    next: 'upfront fleet status names them.',
  })
}

function planOf({ flags }: Run, mine: readonly FleetTarget[], left: readonly FleetTarget[]): Plan {
  const list = typeof flags['canary'] === 'string' ? flags['canary'] : undefined
  const most = mayFail(typeof flags['max-failed'] === 'string' ? flags['max-failed'] : undefined, mine.length)
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

async function goThrough(on: Going, targets: readonly FleetTarget[]): Promise<void> {
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

async function migrateOne({ run, command, slots, ledger, summary }: Going, one: FleetTarget): Promise<void> {
  try {
    const how = await slots.with(one.target, async () => {
      await ledger.begin(one)
      return runTarget(run, one, command)
    })
    await ledger.end(one, null)
    summary[how] += 1
  } catch (error) {
    run.signal.throwIfAborted()
    if (!(error instanceof Failure)) throw error
    addFailure(summary, one.name, error, [one.name, one.target.database])
    await ledger.end(one, error)
  }
}
