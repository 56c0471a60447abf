// Two and three runners, message by message.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, test } from 'vitest'
import type { Database } from '../support/database.ts'
import type { Outcome } from '../support/run.ts'
import { type Gated, makeRandom, untilStill, withGated } from './harness/gates.ts'
import type { Picture } from './harness/picture.ts'
import { small } from './harness/scenarios/index.ts'
import { inScenes, paintSetting, type Setting } from './harness/scene.ts'
import { findOverlaps, findTorn, isComplete, readState } from './harness/state.ts'
import { listMessages, scenarioEnv } from './harness/trial.ts'

const setting: Setting = { scenario: small, role: 'superuser', encoding: 'UTF8' }

/** What is wrong after several runners; nothing, it is to be hoped. */
async function judge(db: Database, ends: readonly Outcome[], pictures: readonly Picture[]): Promise<string[]> {
  const wrong = ends.flatMap(({ exitCode, stderr }) =>
    exitCode === 0 ? [] : [`exit ${exitCode}: ${stderr.slice(-400)}`],
  )
  const state = await readState(db)
  wrong.push(...findTorn(small, state, pictures), ...(await findOverlaps(db)))
  if (!isComplete(small, state)) wrong.push('not all of it is there')
  const applied = ends.flatMap((end) => end.applied)
  if (new Set(applied).size !== applied.length) wrong.push(`applied twice: ${applied.join()}`)
  return wrong
}

test('one runner stops at each of its messages in turn, and another does what it can meanwhile', async () => {
  const url = inject('postgresUrl')
  const pictures = await paintSetting(url, setting)
  const messages = await listMessages(url, setting)
  const wrong = await inScenes(url, { setting, atOnce: 12 }, messages, async ({ db }, { place }) => {
    const ends = await withGated(db, async (first) => {
      while (first.passed() < place - 1 && !first.isOver()) {
        await untilStill(first, 5_000)
        first.step()
      }
      // Either it migrates, or it finds the lock taken and waits.
      const second = db.up([], scenarioEnv(small))
      await Promise.race([second, sleep(300)])
      first.open()
      return Promise.all([first.ended, second])
    })
    return { place, wrong: await judge(db, ends, pictures) }
  })
  expect(wrong.filter((one) => one.wrong.length > 0)).toEqual([])
  expect(wrong.length).toBeGreaterThan(60)
})

test.for([2, 3])('%i runners in orders that fifteen seeds decide: one writes, all exit 0', async (count) => {
  const url = inject('postgresUrl')
  const pictures = await paintSetting(url, setting)
  const seeds = Array.from({ length: 15 }, (_, i) => count * 1000 + i)
  const wrong = await inScenes(url, { setting, atOnce: 6 }, seeds, async ({ db }, seed) => {
    const random = makeRandom(seed)
    const ends = await withRunners(db, count, async (runners) => {
      // A waiter polls as long as it is let, so the order is decided for so many steps and left alone then.
      for (let i = 0; i < 100 * count && !runners.every((one) => one.isOver()); i += 1) {
        const ready = runners.filter((one) => one.isWaiting())
        if (ready.length === 0) await sleep(2)
        else {
          const chosen = ready[Math.floor(random() * ready.length)]!
          chosen.step()
          await untilStill(chosen)
        }
      }
      for (const runner of runners) runner.open()
      return Promise.all(runners.map((runner) => runner.ended))
    })
    return { seed, wrong: await judge(db, ends, pictures) }
  })
  expect(wrong.filter((one) => one.wrong.length > 0)).toEqual([])
})

function withRunners<T>(db: Database, count: number, use: (runners: readonly Gated[]) => Promise<T>): Promise<T> {
  const add = (runners: readonly Gated[]): Promise<T> =>
    runners.length === count ? use(runners) : withGated(db, (one) => add([...runners, one]))
  return add([])
}
