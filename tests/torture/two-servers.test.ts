// An address behind which there are two servers: a round robin, a proxy that was pointed elsewhere, a wrong failover.
import { expect, test } from 'vitest'
import { startProxy } from '../support/proxy.ts'
import { type Pair, withPair } from './harness/pair.ts'
import { type Picture, paintGolden } from './harness/picture.ts'
import { small } from './harness/scenarios/index.ts'
import { findTorn, isComplete, readState } from './harness/state.ts'
import { scenarioEnv } from './harness/trial.ts'
import { empty } from './harness/turns.ts'

const full = process.env['TORTURE'] === 'full'

test('a second connection that reaches another server ends nothing: a long statement goes on', async () => {
  await withPair(async ({ here, herePort, there, therePort }) => {
    here.files({ '001_long.sql': 'create table long (); do $$ begin perform pg_sleep(8); end $$' })
    await using proxy = await startProxy((connection) => (connection === 1 ? herePort : therePort))
    const { exitCode, stderr } = await here.up([], { UPFRONT_DATABASE_URL: here.urlOf({ port: proxy.port }) })
    expect(exitCode, stderr).toBe(0)
    expect(stderr).not.toMatch(/^disconnected /m)
    expect(await here.tables()).toEqual(['public.long'])
    const rows = await there.query(`select relname from pg_class where relnamespace = 'public'::regnamespace`)
    expect(rows).toEqual([])
  })
})

test('a reconnection that reaches another server, from every message on: nothing torn, nothing false', async () => {
  await withPair(async (pair) => {
    await empty(pair.there)
    const golden = await paintGolden(small, pair.here.url, pair.here.query)
    const places = await countMessages(pair)
    const wrong: { place: number; what: string[] }[] = []
    for (let place = 1; place <= places; place += full ? 1 : 12) {
      const what = await strike(pair, place, golden)
      if (what.length > 0) wrong.push({ place, what })
    }
    expect(wrong).toEqual([])
  })
})

async function countMessages({ here, herePort }: Pair): Promise<number> {
  await empty(here)
  await using proxy = await startProxy(herePort)
  await here.up([], { ...scenarioEnv(small), UPFRONT_DATABASE_URL: here.urlOf({ port: proxy.port }) })
  return proxy.messages.length
}

/** The answer to this message is lost, and whoever connects again is sent to the other server; what is wrong then. */
async function strike(pair: Pair, place: number, golden: readonly Picture[]): Promise<string[]> {
  const { here, herePort, there, therePort } = pair
  await Promise.all([empty(here), empty(there)])
  await using proxy = await startProxy(
    (connection) => (connection === 1 ? herePort : therePort),
    (message) => (message.connection === 1 && message.place === place ? 'drop reply' : 'forward'),
  )
  const env = { ...scenarioEnv(small), UPFRONT_DATABASE_URL: here.urlOf({ port: proxy.port }) }
  const { exitCode, stderr, applied, seeded } = await here.up([], env)
  await here.leftovers()
  const wrong: string[] = []
  const states = { here: await readState(here), there: await readState(there) }
  for (const [where, state] of Object.entries(states))
    wrong.push(...findTorn(small, state, golden).map((what) => `${where}: ${what}`))
  const written = { here: states.here.history.length, there: states.there.history.length }
  if (exitCode === 0 && !isComplete(small, states.here) && !isComplete(small, states.there))
    wrong.push('exit 0, and it is whole nowhere')
  if (written.here > 0 && written.there > 0)
    wrong.push(`written to both, ${written.here} and ${written.there}, exit ${exitCode}: ${stderr.slice(-300)}`)
  const there0 = [...states.here.history, ...states.there.history].map(({ name }) => name)
  for (const name of [...applied, ...seeded])
    if (!there0.includes(name)) wrong.push(`${name} was called applied and is nowhere`)
  if (![0, 32].includes(exitCode)) wrong.push(`exit ${exitCode}: ${stderr.slice(-300)}`)
  return wrong
}
