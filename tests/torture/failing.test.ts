// Scenarios that end in 22: nothing of what failed remains, whatever else happens at whichever message.
import { test } from 'vitest'
import { expectNothing } from './harness/enumerate.ts'
import { faults } from './harness/faults.ts'
import { refused, rejects, resolves } from './harness/scenarios/index.ts'
import type { Setting } from './harness/scene.ts'

const full = process.env['TORTURE'] === 'full'

/** What is tried with whom, and which of them in `npm test`, where every third message has its turn. */
const cases: readonly { what: string; setting: Setting; names: readonly string[]; short: string }[] = [
  {
    what: 'a module that rejects while its promises go on',
    setting: { scenario: rejects, role: 'limited owner', encoding: 'UTF8' },
    names: ['drop the reply', 'terminate the backend before it', 'a black hole after it', 'SIGTERM'],
    short: 'SIGTERM',
  },
  {
    what: 'a module that resolves while its promises go on',
    setting: { scenario: resolves, role: 'superuser', encoding: 'LATIN1' },
    names: [
      'drop the request',
      'terminate the backend as it works',
      'a black hole before it',
      'SIGKILL when it is done',
    ],
    short: 'drop the request',
  },
  {
    what: 'a large file whose beginning the server cannot take',
    setting: { scenario: refused, role: 'limited owner', encoding: 'LATIN1' },
    names: ['drop the reply', 'reset', 'the server gone for good', 'SIGTERM while nobody answers'],
    short: 'drop the reply',
  },
]
const all = [...faults.lost, ...faults.silent, ...faults.deadly]

test.for(
  cases.flatMap(({ what, setting, names, short }) =>
    all
      .filter(({ name }) => (full ? names.includes(name) : name === short))
      .map((fault) => [what, fault.name, { setting, fault }] as const),
  ),
)('%s: %s, at every message: 22, and nothing of it remains', ([, , one], { task }) =>
  expectNothing(task, { ...one, atOnce: one.fault.runner === 'process' ? 6 : 16, every: full ? 1 : 3 }),
)
