// What an interrupted run says of each migration: applied or not run, once.
import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Database, test, until } from '../support/database.ts'
import { interruption } from '../support/run.ts'

const files = {
  '001_busy.sql': 'create table busy (id int)',
  // These share a message.
  '002_a.sql': 'create table a (id int)',
  '003_b.sql': 'alter table busy add column note text',
  '004_c.sql': 'create table c (id int)',
  // A file that may change its session goes alone.
  '005_d.sql': "set local work_mem = '8MB'; create table d (id int)",
}
const names = Object.keys(files).map((name) => name.replace('.sql', ''))
const [first, second, ...rest] = names

/** Stops a run when its session waits for a lock or is at its statement, and answers its last event. */
async function stopWhen(db: Database, isThere: () => Promise<boolean>) {
  const stop = new AbortController()
  const running = db.upJson({}, stop.signal)
  await until(isThere, 'the runner is where it is to be stopped')
  stop.abort(interruption('SIGTERM'))
  const { exitCode, events } = await running
  expect(exitCode).toBe(143)
  return events.findLast(({ event }) => event === 'failed')!
}

const waitsForRelation = (db: Database) => async () => {
  const rows = await db.query(`select from pg_stat_activity where datname = current_database()
    and application_name like 'upfront/%' and wait_event_type = 'Lock'`)
  return rows.length === 1
}

test('stopped in a message of several migrations, each is listed once: applied or not run', async ({ db }) => {
  db.files({ '001_busy.sql': files['001_busy.sql'] })
  await db.up()
  db.files(files)
  const blocker = await db.connect()
  await blocker.query('begin; select from busy')

  const last = await stopWhen(db, waitsForRelation(db))

  expect(last['applied']).toEqual([second])
  expect(last['not_run']).toEqual(rest)
  await blocker.query('rollback')
  expect((await db.up()).applied).toEqual(rest)
})

test('stopped while another has the lock, every migration is listed as not run', async ({ db }) => {
  db.files(files)
  const other = await db.connect()
  await other.query(`select pg_advisory_lock(${lockKey('upfront')})`)
  let looks = 0

  const last = await stopWhen(db, async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and application_name like 'upfront/%' and query like '%pg_try_advisory_lock%'`)
    return rows.length > 0 && (looks += 1) > 2
  })

  expect(last['applied']).toEqual([])
  expect(last['not_run']).toEqual(names)
})

test('stopped in a file of its own, those before it are applied, it and those behind it not run', async ({ db }) => {
  db.files({ '001_busy.sql': files['001_busy.sql'] })
  await db.up()
  const outside = "-- upfront:no-transaction\nset work_mem = '8MB';\nalter table busy add column more text"
  db.files({ ...files, '003_b.sql': outside })
  const blocker = await db.connect()
  await blocker.query('begin; select from busy')

  const last = await stopWhen(db, waitsForRelation(db))

  expect(last['applied']).toEqual([second])
  expect(last['not_run']).toEqual(rest)
  expect(first).toBe('001_busy')
})
