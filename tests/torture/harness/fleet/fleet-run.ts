// One `fleet up` of a walk: how it is called, and whether what it says adds up.
import { expect } from 'vitest'
import { shardOf } from '../../../../src/fleet/order.ts'
import type { Outcome } from '../../../support/run.ts'
import { bundleCount } from './bundles.ts'
import type { Tenant, World } from './world.ts'

export interface FleetRun {
  readonly bundle: number
  readonly isContracting: boolean
  /** Whether some of those that are left may not be tried although none has failed before. */
  readonly isLimited: boolean
  readonly connections: number
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Whether a tenant is of this shard and of --only. */
  readonly has: (one: Pick<Tenant, 'name' | 'group'>) => boolean
}

/** The same for all tenants, of the newest bundle. */
export function wholeFleet(world: World): FleetRun {
  const bundle = bundleCount - 1
  return { bundle, isContracting: false, isLimited: false, connections: 20, args: ['--json'], env: world.env(bundle), has: () => true } // prettier-ignore
}

export function chooseRun(world: World): FleetRun {
  const { random, tenants } = world
  const bundle = random.chance(0.4) ? bundleCount - 1 : random.int(bundleCount)
  const isContracting = random.chance(0.15)
  const connections = random.pick([1, 2, 4, 6, 20])
  const shards = random.chance(0.4) ? 2 + random.int(2) : 1
  const shard = random.int(shards)
  const names = [...tenants.keys()]
  const words = (): string =>
    (random.chance(0.5) && tenants.get(random.pick(names))?.group) || `${random.pick(names)},${random.pick(names)}`
  const only = random.chance(0.2) ? words().split(',') : undefined
  const canary = random.chance(0.25)
    ? only !== undefined || random.chance(0.5)
      ? String(random.int(3))
      : words()
    : undefined
  const maxFailed = random.chance(0.25) ? random.pick(['0', '1', '20%']) : undefined
  const flags = { only: only?.join(), canary, 'max-failed': maxFailed, parallel: String(1 + random.int(5)) }
  const given = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
  return {
    bundle,
    isContracting,
    isLimited: canary !== undefined || maxFailed !== undefined,
    connections,
    args: ['--json', ...given],
    env: {
      ...world.env(bundle),
      UPFRONT_FLEET_CONNECTIONS: String(connections),
      ...(isContracting ? { UPFRONT_CONTRACT: 'always' } : {}),
      ...(shards > 1 ? { UPFRONT_FLEET_SHARDS: String(shards), UPFRONT_FLEET_SHARD: String(shard) } : {}),
    },
    has: ({ name, group }) =>
      (shards === 1 || shardOf(name, shards) === shard) &&
      (only === undefined || only.includes(name) || (group !== null && only.includes(group))),
  }
}

export function tellRun({ bundle, env, args }: FleetRun): string {
  const { UPFRONT_FLEET_SHARDS: shards, UPFRONT_FLEET_SHARD: shard, UPFRONT_FLEET_CONNECTIONS: connections } = env
  const words = [`b${bundle + 1}`, ...args.slice(1), ...(shards === undefined ? [] : [`shard ${shard}/${shards}`])]
  return [...words, `connections ${connections}`, env['UPFRONT_CONTRACT'] ?? ''].join(' ').trim()
}

/** What `fleet up --json` answers. */
export interface Summary {
  readonly done: number
  readonly nothing_to_do: number
  readonly failed: number
  readonly not_tried: number
  readonly failures: readonly { readonly count: number; readonly names: readonly string[] }[]
}

/** Tenants by what the log says of them. */
export interface Told {
  readonly done: readonly string[]
  readonly nothing: readonly string[]
  readonly failed: ReadonlyMap<string, string>
}

export function toldOf({ events }: Outcome): Told {
  const of = (state: string) => events.filter((one) => one.event === 'tenant' && one['state'] === state)
  const names = (state: string) => of(state).map((one) => String(one['name']))
  return {
    done: names('done'),
    nothing: names('nothing'),
    failed: new Map(of('failed').map((one) => [String(one['name']), `${one['code']} ${one['reason']}`])),
  }
}

/** Invariant: the numbers add up, agree with the log, and 0 means that nobody of this run failed or was left out. */
export function expectAdds(outcome: Outcome, count: number | null): void {
  const { exitCode, stdout } = outcome
  // It ended before the fleet was known.
  if (stdout === '') return void expect(exitCode).not.toBe(0)
  const summary = JSON.parse(stdout) as Summary
  const told = toldOf(outcome)
  const sum = summary.done + summary.nothing_to_do + summary.failed + summary.not_tried
  if (count !== null) expect(sum, 'tenants in the summary').toBe(count)
  expect(told.done.length, 'done in the log').toBe(summary.done)
  expect(told.failed.size, 'failed in the log').toBe(summary.failed)
  expect(told.nothing.length, 'nothing to do in the log').toBeLessThanOrEqual(summary.nothing_to_do)
  expect(summary.failures.reduce((all, one) => all + one.count, 0), 'failures in groups').toBe(summary.failed) // prettier-ignore
  if (exitCode === 0) expect([summary.failed, summary.not_tried], 'failed and not tried, and yet 0').toEqual([0, 0])
  else if (exitCode === 35) expect(summary.failed, '35, and nobody failed').toBeGreaterThan(0)
}
