// Deploys, rollbacks, pods that come and go, and what breaks in between, in an order that chance has chosen.
import { expect, test } from 'vitest'
import { withServer } from './harness/server.ts'
import { walk } from './rollouts/walk.ts'

// A walk of 25 steps takes 8 seconds: CI takes the same few, and whoever changes these parts as many as there is time for.
const { ROLLOUTS_SEED, ROLLOUTS_WALKS, ROLLOUTS_STEPS } = process.env
const first = Number(ROLLOUTS_SEED ?? 1)
const walks = Number(ROLLOUTS_WALKS ?? (ROLLOUTS_SEED === undefined ? 4 : 1))
const steps = Number(ROLLOUTS_STEPS ?? 25)

test('whatever the order: nobody loses what it uses, nothing runs twice, and it always comes right', async () => {
  await withServer({ settings: { max_connections: '200' } }, async (server) => {
    const failed: unknown[] = []
    for (let seed = first; seed < first + walks; seed += 1) await walk(server, seed, steps).catch((error) => failed.push(error.message)) // prettier-ignore
    expect(failed).toEqual([])
  })
})
