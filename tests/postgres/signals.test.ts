import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Child, type Database, test, until } from '../support/database.ts'
import { startListener, startProxy } from '../support/proxy.ts'
import { interruption } from '../support/run.ts'

const signals = [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const

/** Sends the signal, and asserts what is the same wherever it strikes. */
async function interrupt(running: Child, signal: 'SIGTERM' | 'SIGINT', exit: number) {
  const begun = performance.now()
  running.kill(signal)
  const outcome = await running.ended
  expect(performance.now() - begun).toBeLessThan(8_000)
  expect(outcome.exitCode, outcome.stderr).toBe(exit)
  expect(outcome.stderr).toContain(`stopped by ${signal}`)
  expect(outcome.stderr.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^failed {9}${exit} INTERRUPTED`))
  return outcome
}

async function insideStatement(db: Database) {
  await until(async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and application_name like 'upfront/%' and wait_event = 'PgSleep'`)
    return rows.length === 1
  }, 'the runner sleeps in its statement')
}

const slow = {
  '001_a.sql': 'create table a (id int)',
  '002_slow.sql': 'create table slow (id int);\nselect pg_sleep(60)',
  '003_c.sql': 'create table c (id int)',
}

test.for(signals)('%s while waiting for the server', async ([signal, exit], { db }) => {
  await using listener = await startListener((socket) => void socket.destroy())
  db.files(slow)
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: db.urlOf({ port: listener.port }) })
  await running.says('waiting')
  await interrupt(running, signal, exit)
})

test.for(signals)('%s while a server that accepts says nothing', async ([signal, exit], { db }) => {
  await using listener = await startListener()
  db.files(slow)
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: db.urlOf({ port: listener.port }) })
  await until(() => listener.accepted() > 0, 'it has connected')
  await interrupt(running, signal, exit)
})

test.for(signals)('%s while waiting for the lock', async ([signal, exit], { db }) => {
  db.files(slow)
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  const running = db.spawn()
  await running.says('another runner holds the lock')

  await interrupt(running, signal, exit)

  expect(await db.history()).toBeNull()
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 1 })
})

test.for(signals)(
  '%s inside a statement: nothing of it is left, the history is true',
  async ([signal, exit], { db }) => {
    db.files(slow)
    const running = db.spawn()
    await insideStatement(db)

    const { applied, stderr } = await interrupt(running, signal, exit)

    expect(applied).toEqual(['001_a'])
    expect(stderr).toContain('003_c')
    expect(stderr).not.toContain('error          migration 002_slow failed')
    expect(await db.tables()).toEqual(['public.a'])
    expect(await db.history()).toEqual(['migration 001_a applied'])
    expect(await db.query('select outcome, failed from upfront.runs')).toEqual([
      { outcome: 'interrupted', failed: '002_slow' },
    ])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  },
)

test('a cancel request that comes when an index is made, and not yet recorded: it is recorded', async ({ db }) => {
  const files = { '001_a.sql': 'create table a (id int)' }
  db.files(files)
  await db.up()
  // What is recorded after a statement takes a while, so that the cancel request meets it for sure.
  await db.query(`create function slow() returns trigger language plpgsql as
    'begin if new.statements_done = 1 then perform pg_sleep(0.5); end if; return new; end'`)
  await db.query('create trigger slow before update on upfront.history for each row execute function slow()')
  const index = 'create index concurrently a_id on a (id)'
  db.files({ ...files, '002_index.sql': `-- upfront:no-transaction\n${index};\ncreate table b (id int);\n` })
  const running = db.spawn()
  await insideStatement(db)

  await interrupt(running, 'SIGTERM', 143)

  const [row] = await db.query(`select state, statements_done from upfront.history where name = '002_index'`)
  expect(row).toEqual({ state: 'running', statements_done: 1 })
  expect(await db.query(`select indisvalid from pg_index where indexrelid = 'a_id'::regclass`)).toEqual([
    { indisvalid: true },
  ])
  await db.query('drop trigger slow on upfront.history')
  expect((await db.up()).applied).toEqual(['002_index'])
})

test('after an interruption the next run goes on where it stopped', async ({ db }) => {
  db.files(slow)
  const running = db.spawn()
  await insideStatement(db)
  await interrupt(running, 'SIGTERM', 143)

  db.files({ ...slow, '002_slow.sql': 'create table slow (id int)' })
  const { exitCode, applied } = await db.up()

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['002_slow', '003_c'])
})

test('a second signal ends it at once', async ({ db }) => {
  await using proxy = await startProxy(Number(new URL(db.url).port), ({ text, connection }) =>
    // The server never hears of the cancel request, so the statement runs on.
    connection > 1 ? 'stall' : text.includes('never') ? 'stall' : 'forward',
  )
  db.files(slow)
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
  await insideStatement(db)
  running.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const begun = performance.now()
  running.kill('SIGTERM')
  expect((await running.ended).exitCode).toBe(143)
  expect(performance.now() - begun).toBeLessThan(1_000)
})

test.concurrent('a cancel request that gets lost does not keep it: it hangs up', async ({ db }) => {
  await using proxy = await startProxy(Number(new URL(db.url).port), ({ connection }) =>
    connection > 1 ? 'stall' : 'forward',
  )
  db.files(slow)
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
  await insideStatement(db)

  await interrupt(running, 'SIGTERM', 143)

  expect(await db.history()).toEqual(['migration 001_a applied'])
  await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 5_000)
})

// Wherever the server falls silent: every message that asks for an answer has its turn.
test.concurrent(
  'a server that falls silent does not keep an interrupted run for 8 s, whatever it was asked',
  async ({ db }) => {
    db.files({ '001_a.sql': 'select 1' })
    const port = Number(new URL(db.url).port)
    await using counter = await startProxy(port)
    await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port: counter.port }), UPFRONT_SCHEMA: 'counted' })
    const questions = counter.messages.filter(({ type }) => ['ssl', 'startup', 'p', 'Q', 'P'].includes(type))

    const ends = await Promise.all(
      questions.map(async ({ number: last, type, text }) => {
        const abort = new AbortController()
        await using proxy = await startProxy(port, ({ number, connection }) => {
          if (number < last && connection === 1) return 'forward'
          setTimeout(() => abort.abort(interruption('SIGTERM')), 20)
          return 'stall'
        })
        const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }), UPFRONT_SCHEMA: `silent_${last}` }
        const late = new Promise<'hung'>((resolve) => setTimeout(() => resolve('hung'), 8_000).unref())
        const outcome = await Promise.race([db.up([], env, abort.signal), late])
        return { at: `${type} ${text.trim().slice(0, 60)}`, end: outcome === 'hung' ? outcome : outcome.exitCode }
      }),
    )

    expect(questions.length).toBeGreaterThan(10)
    expect(ends.filter(({ end }) => end !== 143)).toEqual([])
  },
)

test.concurrent(
  'a run that was killed inside a statement leaves nothing, and the next one succeeds',
  async ({ db }) => {
    db.files(slow)
    const running = db.spawn()
    await insideStatement(db)

    running.kill('SIGKILL')
    expect((await running.ended).exitCode).toBe(137)

    // The server looks every two seconds whether its client is still there.
    await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 5_000)
    expect(await db.tables()).toEqual(['public.a'])
    expect(await db.history()).toEqual(['migration 001_a applied'])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
    db.files({ ...slow, '002_slow.sql': 'create table slow (id int)' })
    const { exitCode, applied } = await db.up()
    expect(exitCode).toBe(0)
    expect(applied).toEqual(['002_slow', '003_c'])
  },
)

test.concurrent('a run that starts while the one before was just killed waits for its lock', async ({ db }) => {
  db.files(slow)
  const killed = db.spawn()
  await insideStatement(db)
  killed.kill('SIGKILL')
  await killed.ended
  db.files({ ...slow, '002_slow.sql': 'create table slow (id int)' })
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(['002_slow', '003_c'])
})

test('a signal that comes before anything has happened is obeyed', async ({ db }) => {
  db.files(slow)
  const { exitCode } = await db.up([], {}, AbortSignal.abort(interruption('SIGTERM')))
  expect(exitCode).toBe(143)
  expect(await db.history()).toBeNull()
})
