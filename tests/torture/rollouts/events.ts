// What may happen in a walk; each event says itself what would be wrong.
import { startProxy } from '../../support/proxy.ts'
import { until } from '../../support/database.ts'
import { interruption } from '../../support/run.ts'
import { type Image, marks } from './images.ts'
import { type Pod, startPod, ttlMs } from './pods.ts'
import { type Way, runImage } from './runs.ts'
import { type World, aheadOf, allMigrations, floorsOf, grantPods, isApplied, readRows } from './world.ts'

type Event = (world: World) => Promise<void>

const living = ({ pods }: World) => pods.filter(({ over }) => !over)

/** Mostly of the middle of those that were there: one newer, one older, the same. */
async function chooseImage(world: World): Promise<Image> {
  const rows = await readRows(world)
  const newest = Math.max(1, ...allMigrations(world).flatMap(({ name, since }) => (isApplied(rows, name) ? [since] : []))) // prettier-ignore
  const n = Math.min(5, Math.max(1, newest + world.dice.pick([-1, -1, 0, 0, 1, 1, 1, 2])))
  return world.images[n - 1]!
}

/** Whether somebody who can still be at work would miss something of that version or a later one. */
const isInUse = (world: World, since: number) => world.pods.some((pod) => (!pod.over || pod.isProtected()) && pod.image.n >= since) // prettier-ignore

async function up(world: World) {
  const { dice, story } = world
  const image = await chooseImage(world)
  const env: Record<string, string> = dice.is(0.4) ? { UPFRONT_CONTRACT: 'when-safe' } : {}
  if (dice.is(0.2)) env['UPFRONT_SEED'] = 'dev'
  story.push(`up v${image.n} ${Object.values(env).join(' ')}`)
  await runImage(world, image, { command: 'up', env })
}

async function upAlways(world: World) {
  const image = await chooseImage(world)
  world.story.push(`up v${image.n} always`)
  await world.db.run(['up'], { ...world.env, ...image.env, UPFRONT_CONTRACT: 'always' })
  await grantPods(world)
  const rows = await readRows(world)
  for (const pod of world.pods) pod.wronged ||= floorsOf(world, pod.image, rows).length > 0
}

async function contract(world: World) {
  const image = await chooseImage(world)
  world.story.push(`contract v${image.n}`)
  const { exitCode } = await runImage(world, image, { command: 'contract' })
  const older = living(world).some((pod) => pod.image.n < image.n)
  if (exitCode !== 28 || older || aheadOf(image, await readRows(world)).length > 0) return
  world.story.push(`contract v${image.n} --without-evidence`)
  await runImage(world, image, { command: 'contract', flags: ['--without-evidence'] })
}

/** The connection is gone at a message, with the process: nobody says goodbye. */
async function killed(world: World) {
  const { db, dice, story } = world
  const [image, at] = [await chooseImage(world), Math.floor(dice.next() * 60) + 1]
  const command = dice.pick(['up', 'up', 'contract'])
  story.push(`${command} v${image.n} killed at message ${at}`)
  const stop = new AbortController()
  await using proxy = await startProxy(world.server.port, ({ number }) => {
    if (number < at) return 'forward'
    stop.abort(interruption('SIGTERM'))
    return dice.is(0.5) ? 'reset' : 'drop request'
  })
  const url = new URL(world.env['UPFRONT_DATABASE_URL'] ?? db.url)
  url.port = String(proxy.port)
  const env = { ...world.env, ...image.env, UPFRONT_DATABASE_URL: url.href, UPFRONT_WAIT_TIMEOUT: '1s' }
  const { exitCode } = await db.run([command], { ...env, UPFRONT_CONTRACT: dice.pick(['defer', 'when-safe']) }, stop.signal) // prettier-ignore
  story.push(`  -> ${exitCode}`)
  await proxy.close()
  await db.leftovers()
  await grantPods(world)
}

/** Its session is ended while a migration sleeps; the run goes on by another. */
async function ended(world: World) {
  const { db, dice, story } = world
  const image = await chooseImage(world)
  const rows = await readRows(world)
  const left = image.migrations.filter(({ name, contract: late }) => !isApplied(rows, name) && !late)
  if (left.length === 0 || floorsOf(world, image, rows).length > 0 || aheadOf(image, rows).length > 0) return
  const { name } = dice.pick(left)
  story.push(`up v${image.n} whose session is ended in ${name}`)
  await db.query(`insert into rig.knobs values ('${name}', 'sleep') on conflict (what) do update set how = 'sleep'`)
  const running = db.run(['up'], { ...world.env, ...image.env })
  const sleepers = `from pg_stat_activity where datname = '${db.name}' and wait_event = 'PgSleep'`
  let over = false
  void running.then(() => (over = true))
  await until(async () => over || (await db.query(`select ${sleepers}`)).length > 0, `${name} sleeps`)
  await db.query('delete from rig.knobs')
  await db.query(`select pg_terminate_backend(pid, 2000) ${sleepers}`)
  const { exitCode, stderr } = await running
  await grantPods(world)
  if (exitCode !== 0) throw new Error(`ended with ${exitCode} after its session was ended: ${stderr}`)
}

async function start(world: World) {
  const { db, story, group, sessions } = world
  const rows = await readRows(world)
  if (rows.length === 0 || living(world).length >= 4) return
  const image = await chooseImage(world)
  const pod = await startPod(db, image, group, sessions)
  world.pods.push(pod)
  const refused = pod.refused()
  story.push(`pod ${pod.id} of v${image.n} starts: ${refused?.exitCode ?? 'held'}`)
  const floors = floorsOf(world, image, rows)
  const isAhead = aheadOf(image, rows).length > 0
  // What was taken back takes with it that the repeatable one ran, until the next up.
  const [ran] = await db.query(`select from upfront.history where kind = 'repeatable' and state = 'applied'`)
  const [view] = ran ? await db.query<{ n: number }>('select n from version') : []
  const lacks = image.migrations.some(({ name, contract: late }) => !isApplied(rows, name) && (!late || rows.some((row) => row.name === name))) // prettier-ignore
  const isReady = !lacks && view !== undefined && (isAhead || view.n === image.view)
  const wanted = floors.length > 0 ? 21 : isReady ? undefined : 34
  if (refused?.exitCode !== wanted || (wanted === 21 && !refused?.stderr.includes(floors.at(-1)!)))
    throw new Error(`the gate of v${image.n} should say ${wanted ?? 'held'} and says ${refused?.exitCode ?? 'held'}: ${refused?.stderr}`) // prettier-ignore
}

const withPod =
  (verb: 'pause' | 'resume' | 'kill' | 'release'): Event =>
  async (world) => {
    const pods = living(world)
    if (pods.length === 0) return
    const pod: Pod = world.dice.pick(pods)
    world.story.push(`${verb} pod ${pod.id} of v${pod.image.n}`)
    await pod[verb]()
  }

async function trip(world: World) {
  const what = world.dice.pick([...allMigrations(world).map(({ name }) => name), 'seed1', 'seed2', 'seed3'])
  world.story.push(`${what} will fail`)
  await world.db.query(`insert into rig.knobs values ('${what}', 'fail') on conflict (what) do update set how = 'fail'`)
}

export async function mend(world: World) {
  world.story.push('nothing fails any more')
  await world.db.query('delete from rig.knobs')
}

/** The newest migration is taken back, or made again, where nobody uses what it brought. */
async function back(world: World) {
  const { db, dice, story } = world
  const rows = await readRows(world)
  const newest = rows.at(-1)
  const one = allMigrations(world).find(({ name }) => name === newest?.name)
  if (!one || newest!.state === 'running' || (!one.contract && isInUse(world, one.since))) return
  const command = dice.pick(['down', 'redo'])
  story.push(`${command} of ${one.name}`)
  const tripped = await db.query('select from rig.knobs')
  const { exitCode, stderr } = await db.run([command, '--yes-destroy', db.name], { ...world.env, ...world.images[4]!.env }) // prettier-ignore
  await grantPods(world)
  story.push(`  -> ${exitCode}`)
  if (exitCode !== 0 && !(command === 'redo' && tripped.length > 0)) throw new Error(`${command} ended with ${exitCode}: ${stderr}`) // prettier-ignore
}

/** What stopped half way is taken back by hand, and said to be. */
async function repair(world: World) {
  const { db, story } = world
  const half = (await readRows(world)).find(({ state }) => state === 'running')
  const one = allMigrations(world).find(({ name }) => name === half?.name)
  if (!one) return
  story.push(`${one.name} is taken back by hand`)
  for (const column of one.adds) await db.query(`alter table app drop column if exists ${column}`)
  for (const column of one.drops) await db.query(`alter table app add column if not exists ${column} int`)
  for (const mark of marks(one)) await db.query(`delete from rig.ledger where mark = '${mark}'`)
  const args = ['repair', '--not-done', one.name, '--reason', 'by hand']
  const { exitCode, stderr } = await db.run(args, { ...world.env, ...world.images[4]!.env })
  if (exitCode !== 0) throw new Error(`repair ended with ${exitCode}: ${stderr}`)
}

async function restart(world: World) {
  const mode = world.dice.pick(['fast', 'immediate'] as const)
  world.story.push(`the server is restarted (${mode})`)
  await world.server.restart(mode)
  for (const pod of living(world)) await pod.connect()
}

async function waitOut(world: World) {
  world.story.push('a lease later')
  await new Promise((resolve) => setTimeout(resolve, ttlMs * 1.1))
}

/** Several at once; only what must be true behind them is asked. */
async function together(world: World) {
  const { db, dice, story, group, sessions } = world
  const rows = await readRows(world)
  const [one, two, three] = [await chooseImage(world), await chooseImage(world), await chooseImage(world)]
  const way: Way = {
    command: dice.pick(['up', 'contract']),
    env: { UPFRONT_CONTRACT: dice.pick(['defer', 'when-safe']) },
  }
  story.push(`at once: up v${one.n}, ${way.command} v${two.n}, a pod of v${three.n}`)
  const run = (command: string, image: Image) => db.run([command], { ...world.env, ...image.env, ...way.env })
  const pod = rows.length > 0 ? startPod(db, three, group, sessions) : undefined
  const outs = await Promise.all([run('up', one), run(way.command, two)])
  await grantPods(world)
  if (pod) world.pods.push(await pod)
  story.push(
    `  -> ${outs.map(({ exitCode }) => exitCode).join()}, ${pod ? ((await pod).refused()?.exitCode ?? 'held') : ''}`,
  )
  for (const { exitCode, stderr } of outs)
    if ([1, 2, 20, 24, 25, 27, 30, 31].includes(exitCode)) throw new Error(stderr)
}

/** Each with how often it comes. */
export const events: readonly (readonly [number, Event])[] = [
  [10, up],
  [5, contract],
  [4, killed],
  [2, ended],
  [8, start],
  [2, withPod('pause')],
  [2, withPod('resume')],
  [2, withPod('kill')],
  [4, withPod('release')],
  [2, trip],
  [3, mend],
  [3, back],
  [2, repair],
  [1, restart],
  [2, waitOut],
  [3, together],
  [0.3, upAlways],
]
