// Scenarios, with one fault at each of their messages in turn.
import { test } from 'vitest'
import { expectNothing } from './harness/enumerate.ts'
import { faults } from './harness/faults.ts'
import { whole } from './harness/scenarios/index.ts'
import { describeSetting, type Setting } from './harness/scene.ts'
import type { Fault } from './harness/trial.ts'

const full = process.env['TORTURE'] === 'full'

/** Role, encoding and scenario in pairs, not each with each. */
const settings: readonly Setting[] = [{ scenario: whole, role: 'superuser', encoding: 'UTF8' }]

/** How many at once: those that are silent wait, and need no processor for it. */
const kinds = [
  ['lost', 16],
  ['silent', 32],
  ['deadly', 6],
] as const

/** In `npm test` every sixth message and the most telling faults: for each setting some. */
const short: Readonly<Record<string, readonly string[]>> = {
  [describeSetting(settings[0]!)]: ['drop the reply', 'reset', 'a black hole after it', 'SIGKILL', 'SIGTERM'],
}
const isChosen = (setting: Setting, { name }: Fault) => full || short[describeSetting(setting)]!.includes(name)

const cases = settings.flatMap((setting) =>
  kinds.flatMap(([kind, atOnce]) =>
    faults[kind]
      .filter((fault) => isChosen(setting, fault))
      .map((fault) => [fault.name, describeSetting(setting), { fault, setting, atOnce }] as const),
  ),
)

test.for(cases)('%s, at every message (%s): nothing torn, nothing hung, nothing false', ([, , one], { task }) =>
  expectNothing(task, { ...one, every: full ? 1 : 6 }),
)
