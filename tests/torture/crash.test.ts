// The server dies with a message in flight, and comes back: every message of the scenario has its turn.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Message } from '../support/proxy.ts'
import { expectClean } from './harness/enumerate.ts'
import { addFigures } from './harness/figures.ts'
import { whole } from './harness/scenarios/index.ts'
import { inScenes, paintSetting, type Scene, type Setting } from './harness/scene.ts'
import { withServer } from './harness/server.ts'
import { type Fault, type Trial, listMessages, runTrial } from './harness/trial.ts'

const atOnce = 24
const setting: Setting = { scenario: whole, role: 'superuser', encoding: 'UTF8' }

test.for(['before it arrives', 'when it is done'] as const)(
  'the server stops (immediate) at every message, %s, and boots again',
  async (when, { task }) => {
    await withServer({ settings: { max_connections: '300' } }, async (server) => {
      const golden = await paintSetting(server.url, setting)
      const messages = await listMessages(server.url, setting)
      expect(messages.length).toBeGreaterThan(60)
      const trials: Trial[] = []
      // One crash for many runs, each of which has come to another message.
      for (let i = 0; i < messages.length; i += atOnce) {
        const some = messages.slice(i, i + atOnce)
        const crash = gather(some.length, () => server.restart('immediate'))
        const fault: Fault = {
          name: 'the server stops',
          runner: 'here',
          exits: [0],
          strike:
            when === 'before it arrives'
              ? () => crash.arrive().then(() => 'forward' as const)
              : () => (void sleep(50).then(crash.arrive), 'stall reply'),
        }
        const trial = (scene: Scene, one: Message) => runTrial(scene, fault, one, golden)
        trials.push(...(await inScenes(server.url, { setting, atOnce }, some, trial)))
      }
      addFigures(task, trials)
      expectClean(trials)
    })
  },
)

/** Does something when so many have arrived, and lets them go on when it is done. */
function gather(count: number, then: () => Promise<void>) {
  const all = Promise.withResolvers<void>()
  let arrived = 0
  return {
    arrive: () => {
      if ((arrived += 1) === count) then().then(all.resolve, all.reject)
      return all.promise
    },
  }
}
