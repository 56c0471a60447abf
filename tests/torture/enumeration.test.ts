// The whole scenario, with one fault at each of its messages in turn.
import { test } from 'vitest'
import { expectNothing } from './harness/enumerate.ts'
import { type Kind, faults } from './harness/faults.ts'
import { whole } from './harness/scenarios/index.ts'
import { describeSetting, type Setting } from './harness/scene.ts'

const full = process.env['TORTURE'] === 'full'

const superuser: Setting = { scenario: whole, role: 'superuser', encoding: 'UTF8' }
const owner: Setting = { scenario: whole, role: 'limited owner', encoding: 'LATIN1' }

/** How many at once: those that are silent wait, and need no processor for it. */
const kinds: readonly (readonly [Kind, number])[] = [
  ['lost', 16],
  ['silent', 32],
  ['deadly', 6],
]

/** Faults and settings in pairs: each fault has its turn at every message, by the one or the other role. */
const cases = kinds.flatMap(([kind, atOnce]) =>
  faults[kind].map((fault, i) => ({ fault, setting: i % 2 === 0 ? superuser : owner, atOnce })),
)

/** In `npm test` every sixth message and the most telling faults. */
const short = new Set(['drop the reply', 'reset', 'a black hole after it', 'SIGKILL', 'SIGTERM while nobody answers'])

test.for(
  cases
    .filter(({ fault }) => full || short.has(fault.name))
    .map((one) => [one.fault.name, describeSetting(one.setting), one] as const),
)('%s, at every message (%s): nothing torn, nothing hung, nothing false', ([, , one], { task }) =>
  expectNothing(task, { ...one, every: full ? 1 : 6 }),
)

test.for([superuser, owner].map((setting) => [describeSetting(setting), setting] as const))(
  'a conflict for a moment, at every message (%s): what is sent again is there once',
  ([, setting], { task }) => expectNothing(task, { fault: faults.conflict, setting, atOnce: 16, every: full ? 1 : 6 }),
)
