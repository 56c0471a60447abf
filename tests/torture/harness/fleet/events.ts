// What happens to a fleet in a walk, one event after the other.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { until } from '../../../support/database.ts'
import { type Outcome, interruption } from '../../../support/run.ts'
import { bundleCount } from './bundles.ts'
import { changeTenant, runAlone } from './changes.ts'
import { type FleetRun, chooseRun, expectAdds, tellRun, toldOf } from './fleet-run.ts'
import { statusOf } from './invariants.ts'
import { watchSessions } from './sessions.ts'
import { type Tenant, type World, look } from './world.ts'

export async function nextEvent(world: World): Promise<void> {
  const events = { quiet: 8, disturbed: 10, change: 7, alone: 5, wait: 2 }
  const event = world.random.weighted(events)
  if (event === 'quiet') return upInPeace(world, chooseRun(world))
  if (event === 'disturbed') return upDisturbed(world, chooseRun(world))
  if (event === 'change') return void (await changeTenant(world))
  if (event === 'alone') return void (await runAlone(world))
  return waitForFleet(world)
}

/** An up that nobody disturbs does what status and plan have said. */
export async function upInPeace(world: World, run: FleetRun): Promise<void> {
  world.story.push(`up ${tellRun(run)}`)
  const { db, tenants } = world
  const only = run.args.includes('--only') ? ['--only', run.args[run.args.indexOf('--only') + 1]!] : []
  const status = await statusOf(world, run.env, only)
  const planned = await db.run(['fleet', 'plan', '--json', ...only], run.env)
  expect(planned.stdout, planned.stderr).not.toBe('')
  const plan = JSON.parse(planned.stdout) as Planned
  const most = watchSessions(world)
  const outcome = await db.run(['fleet', 'up', ...run.args], run.env)
  const [sessions] = await most()
  world.story.push(tellOutcome(outcome))
  const mine = [...tenants.values()].filter(run.has)
  expectAdds(outcome, mine.length)
  expect([0, 35], outcome.stderr).toContain(outcome.exitCode)
  expect(sessions, 'sessions').toBeLessThanOrEqual(Math.max(2, run.connections) + 2)

  const told = toldOf(outcome)
  const touched = [...told.done, ...told.nothing, ...told.failed.keys()].sort()
  const left = status.not_done.map(({ name }) => name).filter((name) => mine.some((one) => one.name === name))
  expect(plan.done, 'done by plan').toBe(mine.length - left.length)
  const sum = plan.plans.reduce((all, { count }) => all + count, 0) + plan.failed
  expect(sum, 'tenants in the plan').toBe(left.length)
  if (!run.isLimited) expect(touched, 'touched by up, and not done by status').toEqual(left.toSorted())
  else expect(touched.filter((name) => !left.includes(name)), 'touched by up, and done by status').toEqual([]) // prettier-ignore
  await expectExplained(world, run, outcome)
  const after = new Set((await statusOf(world, run.env, only)).not_done.map(({ name }) => name))
  for (const name of [...told.done, ...told.nothing])
    expect(after.has(name), `${name} was done, and is not`).toBe(false)
  for (const name of told.failed.keys()) expect(after.has(name), `${name} failed, and is done`).toBe(true)
}

interface Planned {
  readonly done: number
  readonly failed: number
  readonly plans: readonly { readonly count: number }[]
}

async function upDisturbed(world: World, run: FleetRun): Promise<void> {
  const { db, random, server, story } = world
  const how = random.weighted({ term: 3, kill: 2, central: 3, tenant: 3, restart: 1, second: 4, change: 2, alone: 3 })
  const delay = random.int(500)
  story.push(`up ${tellRun(run)}, and after ${delay} ms: ${how}`)
  const most = watchSessions(world)
  const stop = new AbortController()
  const child = how === 'kill' ? db.spawn(['fleet', 'up', ...run.args], run.env) : undefined
  const up = child?.ended ?? db.run(['fleet', 'up', ...run.args], run.env, stop.signal)
  if (child !== undefined)
    await until(() => child.stderr().includes('"event":"tenant"') || child.stderr().includes('"event":"fleet"'), 'it has begun', 20_000).catch(() => {}) // prettier-ignore
  await sleep(delay)
  const outcomes: { run: FleetRun; outcome: Outcome }[] = []
  let changed: Tenant | undefined
  if (how === 'term') stop.abort(interruption('SIGTERM'))
  if (how === 'kill') child!.kill('SIGKILL')
  if (how === 'central' || how === 'tenant') story.push(`  ended: ${await endSession(world, how === 'central')}`)
  if (how === 'restart') await server.restart(random.pick(['fast', 'immediate'] as const))
  if (how === 'second') {
    const second = chooseRun(world)
    story.push(`  second: ${tellRun(second)}`)
    const outcome = await db.run(['fleet', 'up', ...second.args], second.env)
    outcomes.push({ run: second, outcome })
  }
  if (how === 'change') changed = await changeTenant(world)
  if (how === 'alone') changed = await runAlone(world)
  outcomes.push({ run, outcome: await up })
  const [sessions] = await most()
  const runs = outcomes.length
  const cap = Math.max(2, ...outcomes.map((one) => one.run.connections))
  // The command for one tenant has sessions of its own.
  const alone = how === 'alone' ? 2 : 0
  expect(sessions, 'sessions').toBeLessThanOrEqual(cap + 2 * runs + alone)
  for (const { run: one, outcome } of outcomes) {
    story.push(`  ${tellOutcome(outcome)}`)
    if (how === 'kill') continue
    const count = [...world.tenants.values()].filter(one.has).length
    expectAdds(outcome, how === 'change' ? null : count)
    expect(how === 'term' ? [0, 35, 143] : [0, 35], outcome.stderr).toContain(outcome.exitCode)
    await expectExplained(world, one, outcome, changed)
  }
}

/** Nobody fails without a reason of its own. */
async function expectExplained(world: World, { bundle }: FleetRun, outcome: Outcome, changed?: Tenant): Promise<void> {
  const known = new Set(world.bundles[bundle]!.map(({ name }) => name))
  const contract = new Set(world.bundles[bundleCount - 1]!.flatMap(({ kind, name }) => (kind === 'contract' ? [name] : []))) // prettier-ignore
  for (const [name, why] of toldOf(outcome).failed) {
    const one = world.tenants.get(name)
    if (one === undefined || one.name === changed?.name) continue
    if (one.spoiled !== undefined || one.isDenied || one.filledTo !== undefined) continue
    // A contract migration that this bundle lacks.
    const { history } = await look(world, one)
    if (history.some((step) => contract.has(step) && !known.has(step))) continue
    // Stopped with the run, in the middle of a file outside a transaction.
    if (outcome.exitCode === 143) continue
    expect.fail(
      `${name} has failed for no reason: ${why}\n${history.join()}\n${world.bundles.map((steps) => steps.map(({ n, kind }) => `${n} ${kind}`).join()).join('\n')}\n${outcome.stdout}`,
    )
  }
}

/** Ends one session of ours, as pg_terminate_backend does. */
async function endSession({ db, kind, random }: World, isCentral: boolean): Promise<string> {
  const holders = `(query ~ 'upfront"?\\.fleet' or query ~ 'advisory' and datname = '${db.name}')`
  const which = isCentral ? holders : kind === 'databases' ? `datname <> '${db.name}'` : `not ${holders}`
  const found = await db.query<{ pid: number; query: string }>(
    `select pid, left(query, 80) as query from pg_stat_activity where application_name like 'upfront/%' and ${which} order by pid`,
  )
  if (found.length === 0) return 'nobody'
  const { pid, query } = random.pick(found)
  await db.query(`select pg_terminate_backend(${pid})`)
  return query.replaceAll(/\s+/g, ' ')
}

/** The gate opens exactly when status says that all are done. */
async function waitForFleet(world: World): Promise<void> {
  const env = { ...world.env(world.random.int(bundleCount)), UPFRONT_WAIT_TIMEOUT: '700ms' }
  const { not_done: left } = await statusOf(world, env)
  const { exitCode, stderr } = await world.db.run(['fleet', 'wait'], env)
  world.story.push(`wait ends with ${exitCode}`)
  expect(exitCode, stderr).toBe(left.length === 0 ? 0 : 34)
}

function tellOutcome(outcome: Outcome): string {
  const { done, nothing, failed } = toldOf(outcome)
  const why = [...failed].map(([name, reason]) => `${name}: ${reason.slice(0, 90)}`).join('; ')
  return `  ended with ${outcome.exitCode}: done ${done.join()}; nothing ${nothing.join()}; failed ${why}`
}
