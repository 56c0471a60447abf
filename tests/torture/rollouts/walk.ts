// A walk by chance that a seed repeats, and its end, at which everything has to come right.
import { throwDice } from './dice.ts'
import type { Server } from '../../../src/embedded/postgres.ts'
import { withDatabase } from '../../support/database.ts'
import { events, mend } from './events.ts'
import { findWrong } from './invariants.ts'
import { ttlMs } from './pods.ts'
import { runImage } from './runs.ts'
import { type World, makeWorld, readColumns, readRows } from './world.ts'

/** Resolves when nothing was wrong; else rejects with the seed and all that happened. */
export async function walk(server: Server, seed: number, steps: number): Promise<void> {
  const dice = throwDice(seed)
  await withDatabase(server.url, async (db) => {
    const world = await makeWorld(db, server, dice)
    try {
      for (let step = 0; step < steps; step += 1) {
        await choose(world)(world)
        await check(world)
      }
      await comeRight(world)
    } catch (error) {
      const told = `seed ${seed} (${Object.keys(world.env).join()}): ROLLOUTS_SEED=${seed}\n${world.story.join('\n')}\n`
      throw new Error(`${told}${(error as Error).message}`, { cause: error })
    } finally {
      await Promise.all(world.pods.map((pod) => (pod.over ? undefined : pod.release())))
    }
  })
}

function choose({ dice }: World) {
  let left = dice.next() * events.reduce((sum, [often]) => sum + often, 0)
  return events.find(([often]) => (left -= often) <= 0)![1]
}

async function check(world: World): Promise<void> {
  const wrong = await findWrong(world)
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

/** All pods go, and the newest image comes: nothing may be left. */
async function comeRight(world: World): Promise<void> {
  const newest = world.images.at(-1)!
  await mend(world)
  for (const pod of world.pods) if (!pod.over) await (world.dice.is(0.5) ? pod.kill() : pod.release())
  world.story.push('all pods are gone; up, contract of the newest')
  const up = await runImage(world, newest, { command: 'up' })
  if (up.exitCode !== 0) throw new Error(`up of the newest ends with ${up.exitCode}: ${up.stderr}`)
  await check(world)
  await new Promise((resolve) => setTimeout(resolve, ttlMs * 1.1))
  let contract = await runImage(world, newest, { command: 'contract' })
  if (contract.exitCode === 34) {
    // A lease from before a restart has its time again.
    await new Promise((resolve) => setTimeout(resolve, ttlMs * 1.5))
    contract = await runImage(world, newest, { command: 'contract' })
  }
  if (contract.exitCode === 28) contract = await runImage(world, newest, { command: 'contract', flags: ['--without-evidence'] }) // prettier-ignore
  if (contract.exitCode !== 0) throw new Error(`contract of the newest ends with ${contract.exitCode}: ${contract.stderr}`) // prettier-ignore
  await check(world)
  const { stdout, exitCode } = await world.db.run(['status', '--exit-code'], { ...world.env, ...newest.env })
  if (exitCode !== 0 || stdout.includes('deferred')) throw new Error(`not all is done (${exitCode}): ${stdout}`)
  const [columns, wanted] = [await readColumns(world), new Set(['id', ...newest.needs])]
  if ([...columns].toSorted().join() !== [...wanted].toSorted().join()) throw new Error(`${[...columns].join()} is not ${[...wanted].join()}`) // prettier-ignore
  const names = (await readRows(world)).length
  if (names !== newest.migrations.length) throw new Error(`${names} of ${newest.migrations.length} are in the history`)
}
