// What others do to the tenants of a fleet: make them, take them away, spoil and mend them, run a command for one alone.
import { expect } from 'vitest'
import { type Step, bundleCount, byHand } from './bundles.ts'
import { type Tenant, type World, addTenant, dropTenant, look, renameTenant } from './world.ts'

/** Changes one tenant; answers which. */
export async function changeTenant(world: World): Promise<Tenant | undefined> {
  const { db, random, tenants, story } = world
  const change = random.weighted({ make: 3, drop: 1, remake: 2, rename: 2, spoil: 6, mend: 4, deny: 2, forget: 2, fill: 1 }) // prettier-ignore
  const one = random.pick([...tenants.values()])
  story.push(`${change} ${change === 'make' ? '' : one.name}`)
  if (change === 'make') return addTenant(world)
  if (change === 'fill') {
    const made = await addTenant(world)
    await fill(world, made, world.bundles[random.int(bundleCount)]!)
    return made
  }
  if (change === 'drop' && tenants.size > 4) await dropTenant(world, one)
  if (change === 'remake') {
    await dropTenant(world, one)
    await addTenant(world, one)
    // Nothing tells a database that was made again from the one before, so README wants this of whoever does it.
    if (world.kind === 'databases') await forget(world, one)
  }
  if (change === 'rename') await renameTenant(world, one).catch((error: Error) => story.push(`  ${error.message}`))
  if (change === 'spoil') await spoil(world, one)
  if (change === 'mend') for (const each of tenants.values()) await mend(world, each)
  if (change === 'deny') await deny(world, one)
  if (change === 'forget') await forget(world, one)
  void db
  return one
}

async function forget({ db }: World, { name }: Tenant): Promise<void> {
  const [there] = await db.query<{ there: boolean }>(`select to_regclass('upfront.fleet') is not null as there`)
  if (there!.there) await db.query(`delete from upfront.fleet where target = '${name}'`)
}

/** Lets the next migration of a tenant fail, when it comes to it. */
async function spoil(world: World, one: Tenant): Promise<void> {
  if (one.spoiled !== undefined || one.filledTo !== undefined) return
  const { history, half } = await look(world, one)
  const step = world.bundles[bundleCount - 1]!.find(({ name }) => !history.includes(name))
  if (step === undefined || half.length > 0) return
  // A relation is seen before anything is run, a type only by running the file.
  const type = world.random.chance(0.5)
  const [make, undo] = type ? [`create type t${step.n} as enum ('in the way')`, `drop type t${step.n}`] : [`create table t${step.n} (other int)`, `drop table t${step.n}`] // prettier-ignore
  one.spoiled = { step, undo }
  await world.at(one, make).catch(() => {
    // A run was faster.
    delete one.spoiled
  })
}

export async function mend(world: World, one: Tenant): Promise<void> {
  const { db, kind, user } = world
  if (one.spoiled !== undefined) {
    await world.at(one, one.spoiled.undo)
    delete one.spoiled
  }
  if (one.isDenied) {
    await db.query(`alter ${kind === 'schemas' ? 'schema' : 'database'} ${one.place} owner to ${user}`)
    if (kind === 'databases') await db.query(`grant connect on database ${one.place} to public`)
    delete one.isDenied
  }
  if (one.filledTo !== undefined) {
    const args = ['baseline', '--to', one.filledTo.name, '--against-catalog']
    const { exitCode, stderr } = await db.run(args, world.alone(bundleCount - 1, one))
    expect(exitCode, stderr).toBe(0)
    delete one.filledTo
  }
}

async function deny({ db, kind }: World, one: Tenant): Promise<void> {
  one.isDenied = true
  await db.query(`alter ${kind === 'schemas' ? 'schema' : 'database'} ${one.place} owner to postgres`)
  if (kind === 'databases') await db.query(`revoke connect on database ${one.place} from public`)
}

/** Does by hand what the first migrations do. */
async function fill(world: World, one: Tenant, steps: readonly Step[]): Promise<void> {
  one.filledTo = steps.at(-1)!
  await world.at(one, `set role ${world.user}`)
  for (const step of steps) await world.at(one, `set role ${world.user}; ${byHand(step)}`)
}

/** A command for one tenant behind the fleet's back; answers for which. */
export async function runAlone(world: World): Promise<Tenant | undefined> {
  const { db, random, tenants, story, bundles } = world
  const one = random.pick([...tenants.values()])
  const bundle = random.int(bundleCount)
  const command = random.weighted({ up: 3, down: 3, redo: 2, repair: 2 })
  if (one.isDenied || one.filledTo !== undefined) return undefined
  if (command === 'repair') {
    // Only what comes next can be done by hand.
    const { history, half } = await look(world, one)
    const step = bundles[bundle]!.find(({ name }) => !history.includes(name))
    if (step === undefined || history.length === 0 || half.length > 0 || one.spoiled !== undefined) return undefined
    await world.at(one, `set role ${world.user}; ${byHand(step)}`).catch(() => {})
    const { exitCode } = await db.run(['repair', '--done', step.name, '--reason', 'by hand', '--against-catalog'], world.alone(bundle, one)) // prettier-ignore
    story.push(`alone: repair --done ${step.name} in ${one.name}: ${exitCode}`)
    return one
  }
  if (command !== 'up') one.downAt = new Date(Date.now() + 60_000)
  const { exitCode, stderr } = await db.run([command], world.alone(bundle, one))
  if (command !== 'up') one.downAt = new Date()
  const why = exitCode === 0 ? '' : (stderr.match(/"message":"[^"]*"/g)?.at(-1) ?? '')
  story.push(`alone: ${command} b${bundle + 1} in ${one.name}: ${exitCode} ${why}`)
  return one
}
