// The server dies with a message in flight, and comes back: every message of the scenario has its turn.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withDatabase } from '../support/database.ts'
import { addFigures } from './harness/figures.ts'
import { type Picture, paintGolden } from './harness/scenario.ts'
import { withServer } from './harness/server.ts'
import { type Fault, type Trial, listMessages, runTrial } from './harness/trial.ts'
import { inDatabases } from './harness/turns.ts'

const atOnce = 24

test.for(['before it arrives', 'when it is done'] as const)(
  'the server stops (immediate) at every message, %s, and boots again',
  async (when, { task }) => {
    await withServer({ settings: { max_connections: '300' } }, async (server) => {
      let golden: readonly Picture[] = []
      await withDatabase(server.url, async (db) => void (golden = await paintGolden(db.url)))
      const messages = await listMessages(server.url)
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
        trials.push(...(await inDatabases(server.url, atOnce, some, (db, one) => runTrial(db, fault, one, golden))))
      }
      addFigures(task, trials)
      expect(trials.filter(({ findings }) => findings.length > 0)).toEqual([])
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
