// Fleets in sequences that nobody thought of: random walks by a seed, with what has to be true checked after every step.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Server, startPostgres } from '../../src/embedded/postgres.ts'
import { withDatabase } from '../support/database.ts'
import { upInPeace, nextEvent } from './harness/fleet/events.ts'
import { wholeFleet } from './harness/fleet/fleet-run.ts'
import { checkAll } from './harness/fleet/invariants.ts'
import { mend } from './harness/fleet/changes.ts'
import { makeRandom } from './harness/fleet/random.ts'
import { type Kind, type World, makeWorld } from './harness/fleet/world.ts'

// Long walks are asked for by these; FLEET_WALK_SEED walks the one that a failure names.
const { FLEET_WALK_SEED, FLEET_WALKS, FLEET_WALK_STEPS } = process.env
const seed = Number(FLEET_WALK_SEED ?? 1)
const walks = Number(FLEET_WALKS ?? 4)
const steps = Number(FLEET_WALK_STEPS ?? 12)

let server: Server
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: '60' } })
})
afterAll(() => server.stop('immediate'))

describe.each(Array.from({ length: walks }, (_, i) => seed + i))('walk %i', (own) => {
  const kind: Kind = own % 2 === 0 ? 'schemas' : 'databases'
  test(`of ${kind}`, async () => {
    await withDatabase(server.url, async (db) => {
      const world = await makeWorld(server, db, kind, makeRandom(own))
      try {
        for (let i = 0; i < steps; i += 1) {
          await nextEvent(world)
          await checkAll(world)
        }
        await expectMended(world)
      } catch (error) {
        const { message } = error as Error
        throw new Error(`FLEET_WALK_SEED=${own} FLEET_WALKS=1 FLEET_WALK_STEPS=${steps}\n${world.story.join('\n')}\n${message}`, { cause: error }) // prettier-ignore
      } finally {
        if (kind === 'databases')
          for (const { place } of world.tenants.values()) await db.query(`drop database ${place} with (force)`)
      }
    })
  })
})

/** After everything is mended one run gets all done, and the next opens no tenant and changes nothing. */
async function expectMended(world: World): Promise<void> {
  world.story.push('mended')
  for (const one of world.tenants.values()) await mend(world, one)
  await upInPeace(world, wholeFleet(world))
  await checkAll(world)
  const run = wholeFleet(world)
  const before = await world.db.query('select * from upfront.fleet order by target')
  const again = await world.db.run(['fleet', 'up', ...run.args], run.env)
  expect(again.exitCode, again.stderr).toBe(0)
  expect(JSON.parse(again.stdout)).toMatchObject({
    done: 0,
    nothing_to_do: world.tenants.size,
    failed: 0,
    not_tried: 0,
  })
  expect(again.events.filter(({ event }) => event === 'tenant')).toEqual([])
  expect(await world.db.query('select * from upfront.fleet order by target')).toEqual(before)
}
