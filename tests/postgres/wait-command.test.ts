import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Database, test } from '../support/database.ts'
import { startListener } from '../support/proxy.ts'
import { interruption } from '../support/run.ts'

const files = { '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' }

/** A role that may look at the history and nothing else; answers the environment of a gate. */
async function gate(db: Database, grants = true) {
  const { user, password } = await db.role()
  if (grants) await db.query(`grant usage on schema upfront to ${user}; grant select on upfront.history to ${user}`)
  return { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
}

test('it leaves at once when everything is applied', async ({ db }) => {
  db.files(files)
  await db.up()
  const begun = performance.now()
  const { exitCode, stderr, stdout } = await db.run(['wait'])
  expect(exitCode, stderr).toBe(0)
  expect(performance.now() - begun).toBeLessThan(2_000)
  expect(stdout).toBe('')
  expect(stderr.trimEnd().split('\n').at(-1)).toBe('up to date     2 migrations')
})

test('it blocks until another runner has finished', async ({ db }) => {
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(1.5)' })
  const waiting = db.run(['wait'])
  const running = db.up()
  let over = false
  void waiting.then(() => (over = true))
  await sleep(800)
  expect(over).toBe(false)

  expect((await running).exitCode).toBe(0)
  const { exitCode, stderr } = await waiting

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^waiting {8}\d migrations? still pending: /m)
})

test('several gates with one runner: all open', async ({ db }) => {
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(1)' })
  const gates = Array.from({ length: 8 }, () => db.run(['wait']))
  expect((await db.up()).exitCode).toBe(0)
  expect((await Promise.all(gates)).map(({ exitCode }) => exitCode)).toEqual(Array(8).fill(0))
})

test('34 at the end of the wait, naming what is pending', async ({ db }) => {
  db.files({ '001_a.sql': files['001_a.sql'] })
  await db.up()
  db.files(files)
  const begun = performance.now()

  const { exitCode, stderr } = await db.run(['wait'], { UPFRONT_WAIT_TIMEOUT: '700ms' })

  expect(exitCode).toBe(34)
  expect(performance.now() - begun).toBeLessThan(3_000)
  expect(stderr).toContain('- 002_b')
  expect(stderr).not.toContain('001_a')
  expect(stderr).toContain('UPFRONT_WAIT_TIMEOUT')
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^failed {9}34 PENDING/)
})

test('a database without a history is pending, not an error, and gets none', async ({ db }) => {
  db.files(files)
  const { exitCode, stderr } = await db.run(['wait'], { UPFRONT_WAIT_TIMEOUT: '500ms' })
  expect(exitCode).toBe(34)
  expect(stderr).toContain('- 001_a')
  expect(await db.query(`select from pg_namespace where nspname = 'upfront'`)).toEqual([])
})

test('a role with USAGE on the schema and SELECT on the history is enough', async ({ db }) => {
  db.files(files)
  await db.up()
  const { exitCode, stderr } = await db.run(['wait'], await gate(db))
  expect(exitCode, stderr).toBe(0)
})

test('such a role may wait for a history that is not there yet', async ({ db }) => {
  db.files(files)
  const { user, password } = await db.role()
  await db.query(`create schema upfront; grant usage on schema upfront to ${user};
    alter default privileges in schema upfront grant select on tables to ${user}`)
  const waiting = db.run(['wait'], { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })
  await sleep(300)
  expect((await db.up()).exitCode).toBe(0)
  const { exitCode, stderr } = await waiting
  expect(exitCode, stderr).toBe(0)
})

test('a role that may not look: 24 with the GRANT to run, which works', async ({ db }) => {
  db.files(files)
  await db.up()
  const env = await gate(db, false)

  const { exitCode, stderr } = await db.run(['wait'], env)

  expect(exitCode).toBe(24)
  expect(stderr).toContain('ERROR 42501')
  const grants = /grant usage on schema .*;/.exec(stderr)![0]
  await db.query(grants)
  const after = await db.run(['wait'], env)
  expect(after.exitCode, after.stderr).toBe(0)
})

test('a role with USAGE alone gets the GRANT too', async ({ db }) => {
  db.files(files)
  await db.up()
  const env = await gate(db, false)
  await db.query(`grant usage on schema upfront to ${new URL(env.UPFRONT_DATABASE_URL).username}`)
  const { exitCode, stderr } = await db.run(['wait'], env)
  expect(exitCode).toBe(24)
  expect(stderr).toMatch(/grant select on .* to /)
})

test('no server: 30 at the end of the wait', async ({ db }) => {
  await using listener = await startListener((socket) => void socket.destroy())
  db.files(files)
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: listener.port }), UPFRONT_WAIT_TIMEOUT: '600ms' }
  expect((await db.run(['wait'], env)).exitCode).toBe(30)
})

test('a wrong password is 24, as everywhere', async ({ db }) => {
  db.files(files)
  const { exitCode } = await db.run(['wait'], { UPFRONT_DATABASE_URL: db.urlOf({ user: 'nobody', password: 'wrong' }) })
  expect(exitCode).toBe(24)
})

test('a changed file is 21 at once: it will not become right by waiting', async ({ db }) => {
  db.files(files)
  await db.up()
  db.files({ ...files, '001_a.sql': 'create table a (id bigint)' })
  const begun = performance.now()
  const { exitCode, stderr } = await db.run(['wait'])
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('001_a: the file was changed')
  expect(performance.now() - begun).toBeLessThan(2_000)
})

test('a database that is ahead has everything of this bundle', async ({ db }) => {
  db.files(files)
  await db.up()
  db.files({ '001_a.sql': files['001_a.sql'] })
  expect((await db.run(['wait'])).exitCode).toBe(0)
})

test('one that stopped half way is pending still', async ({ db }) => {
  db.files({ '001_a.sql': '-- upfront:no-transaction\ncreate table a (id int);\nselect 1 / 0;' })
  expect((await db.up()).exitCode).toBe(23)
  const { exitCode } = await db.run(['wait'], { UPFRONT_WAIT_TIMEOUT: '500ms' })
  expect(exitCode).toBe(34)
})

test('it writes nothing and needs no lock', async ({ db }) => {
  db.files(files)
  await db.up()
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  await db.query(`alter database ${db.name} set default_transaction_read_only = on`)
  const { exitCode, stderr } = await db.run(['wait'])
  expect(exitCode, stderr).toBe(0)
})

test('it is not connected while it sleeps', async ({ db }) => {
  db.files(files)
  const waiting = db.run(['wait'], { UPFRONT_WAIT_TIMEOUT: '4s' })
  let connected = 0
  const looks = 40
  for (let look = 0; look < looks; look += 1) {
    await sleep(50)
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and application_name like 'upfront/%'`)
    connected += rows.length
  }
  expect(connected).toBeLessThan(looks / 2)
  expect((await waiting).exitCode).toBe(34)
})

test('a signal ends it', async ({ db }) => {
  db.files(files)
  const abort = new AbortController()
  const waiting = db.run(['wait'], {}, abort.signal)
  await sleep(400)
  abort.abort(interruption('SIGTERM'))
  expect((await waiting).exitCode).toBe(143)
})

test('the JSON log says what is pending', async ({ db }) => {
  db.files(files)
  const { events } = await db.run(['wait'], { UPFRONT_LOG_FORMAT: 'json', UPFRONT_WAIT_TIMEOUT: '700ms' })
  expect(events.find(({ event }) => event === 'pending')).toMatchObject({ level: 'info', names: ['001_a', '002_b'] })
  expect(events.at(-1)).toMatchObject({ event: 'failed', code: 'PENDING', exit_code: 34, list: ['001_a', '002_b'] })
})

test('a history that somebody has locked is called that, whoever has set the bound', async ({ db }) => {
  db.files(files)
  await db.up()
  const blocker = await db.connect()
  await blocker.query('begin; lock table upfront.history in access exclusive mode')
  const env = { UPFRONT_LOCK_TIMEOUT: '200ms', UPFRONT_WAIT_TIMEOUT: '1s' }
  const { exitCode, stderr } = await db.run(['wait'], env)
  expect(exitCode, stderr).toBe(30)
  expect(stderr).toContain('next: Somebody has locked our tables for longer than lock_timeout')
})
