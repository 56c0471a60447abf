// A network that acknowledges and never answers, with the settings that nobody has set.
import { expect, test } from 'vitest'
import { expectNothing } from './harness/enumerate.ts'
import { faults } from './harness/faults.ts'
import { whole } from './harness/scenarios/index.ts'
import { describeSetting, type Setting } from './harness/scene.ts'
import { withServer } from './harness/server.ts'

const full = process.env['TORTURE'] === 'full'
const { once, forGood } = faults.quiet

const superuser: Setting = { scenario: whole, role: 'superuser', encoding: 'UTF8' }
const owner: Setting = { scenario: whole, role: 'limited owner', encoding: 'LATIN1' }

/** All of them at once, or nearly: they wait. */
const atOnce = 80

const cases = [
  [once('stall reply'), superuser],
  [once('stall'), owner],
  [forGood('stall reply'), owner],
  [forGood('stall'), superuser],
] as const

test.for(
  cases
    .slice(0, full ? 4 : 2)
    .map(([fault, setting]) => [fault.name, describeSetting(setting), fault, setting] as const),
)('%s, from every message on (%s): ended within 90 s, without a deadline', async ([, , fault, setting], { task }) => {
  await withServer({ settings: { max_connections: '400' } }, async ({ url }) => {
    await expectNothing(task, { fault, setting, atOnce, every: full ? 1 : 12, serverUrl: url })
  })
  expect(task.meta.figures?.['trials']).toBeGreaterThan(full ? 60 : 5)
})
