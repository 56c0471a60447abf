// Everybody at once.
import { expect, inject, test } from 'vitest'
import { type Database, withDatabase } from '../support/database.ts'
import { addSeconds } from './harness/figures.ts'
import { runHerd } from './harness/herd.ts'
import { small } from './harness/scenarios/index.ts'
import { paintSetting } from './harness/scene.ts'
import { withServer } from './harness/server.ts'
import { findOverlaps, findTorn, isComplete, readState } from './harness/state.ts'
import { scenarioEnv } from './harness/trial.ts'

/** All of it is there once, written by runners one after the other. */
async function expectWhole(db: Database, url: string) {
  const state = await readState(db)
  const golden = await paintSetting(url, { scenario: small, role: 'superuser', encoding: 'UTF8' })
  expect(findTorn(small, state, golden)).toEqual([])
  expect(isComplete(small, state)).toBe(true)
  expect(await findOverlaps(db)).toEqual([])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
}

test('T23 300 runners against max_connections=100: all exit 0, one of them writes', async ({ task }) => {
  await withServer({ settings: { max_connections: '100' } }, async (server) => {
    await withDatabase(server.url, async (db) => {
      const env = { ...db.env, ...scenarioEnv(small), UPFRONT_WAIT_TIMEOUT: '60s', UPFRONT_DEADLINE: '60s' }
      const { exits, complaint, drainMs } = await runHerd(3, { runners: 100, env, cwd: db.dir })
      expect(exits.filter((exit) => exit !== 0).length, complaint).toBe(0)
      expect(exits.length).toBe(300)
      await expectWhole(db, server.url)
      expect(await db.query('select outcome from upfront.runs')).toEqual([{ outcome: 'done' }])
      addSeconds(task, 'drainOf300', drainMs)
    })
  })
})

test('T21 20 processes, and a migration makes an index concurrently: one applies, the index is valid', async () => {
  const { startProgram } = await import('./harness/program.ts')
  const url = inject('postgresUrl')
  await withDatabase(url, async (db) => {
    const env = { ...db.env, ...scenarioEnv(small) }
    const start = () => startProgram(inject('program'), { env, cwd: db.dir }).ended
    const ends = await Promise.all(Array.from({ length: 20 }, start))
    expect(ends.filter(({ exitCode }) => exitCode !== 0)).toEqual([])
    expect(ends.filter(({ stderr }) => /^applied/m.test(stderr)).length).toBe(1)
    await expectWhole(db, url)
  })
})
