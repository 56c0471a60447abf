// Others' locks, and other runners.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { test, until } from '../support/database.ts'

test('somebody who blocks inside pg_advisory_lock() of our key, and an index is made: no deadlock for ever', async ({
  db,
}) => {
  db.files({
    '001_orders.sql': 'create table orders (id int); select pg_sleep(1)',
    '002_index.sql': 'create index concurrently orders_id on orders (id)',
  })
  const running = db.spawn(['up'], { UPFRONT_DEADLINE: '15s' })
  const stranger = await db.connect()
  await until(
    async () => (await db.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length === 1,
    'it runs',
  )
  // A tool that waits as one should not: its snapshot is what the index then waits for.
  const blocked = stranger.query(`select pg_advisory_lock(${lockKey('upfront')})`).then(
    () => stranger.query('select pg_advisory_unlock_all()'),
    () => {},
  )
  const { exitCode, stderr } = await running.ended
  await blocked
  expect([0, 23, 32], stderr).toContain(exitCode)
  const [index] = await db.query<{ valid: boolean }>(
    `select coalesce(bool_and(indisvalid), true) as valid from pg_index where indrelid = 'orders'::regclass`,
  )
  if (exitCode === 0) expect(index!.valid).toBe(true)
  else expect(stderr).toMatch(/orders_id/)
})

test('a reader of many seconds: others read on while we wait for it, and it is applied in the end', async ({ db }) => {
  const first = { '001_users.sql': 'create table users (id int)' }
  db.files(first)
  await db.up()
  const reader = await db.connect()
  await reader.query('begin; select from users')
  db.files({ ...first, '002_column.sql': 'alter table users add column name text' })
  const running = db.spawn(['up'], { UPFRONT_LOCK_TIMEOUT: '500ms' })
  await until(
    async () => (await db.query(`select from pg_locks where not granted`)).length > 0,
    'it waits for the lock',
  )
  const other = await db.connect()
  let slowestMs = 0
  for (const end = performance.now() + 4_000; performance.now() < end;) {
    const begun = performance.now()
    await other.query('select from users')
    slowestMs = Math.max(slowestMs, performance.now() - begun)
    await sleep(20)
  }
  await reader.query('commit')
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('retrying')
  // Somebody was kept waiting, or the test would prove nothing; and not for longer than our lock_timeout.
  expect(slowestMs).toBeGreaterThan(50)
  expect(slowestMs).toBeLessThan(1_500)
})

test('a deadlock every time: exit 33, nothing applied', async ({ db }) => {
  const first = { '001_two.sql': 'create table one (id int); create table two (id int)' }
  db.files(first)
  await db.up()
  db.files({ ...first, '002_both.sql': `set local deadlock_timeout = '50ms'; lock table one; lock table two` })
  const application = await db.connect()
  let isOver = false
  const running = db.spawn(['up'], { UPFRONT_LOCK_TIMEOUT: '20s', UPFRONT_LOCK_RETRY: '2s' })
  void running.ended.then(() => (isOver = true))
  await application.query(`set deadlock_timeout = '20s'`)
  while (!isOver) {
    await application.query('begin; lock table two')
    await until(
      async () =>
        isOver || (await db.query(`select from pg_locks where relation = 'two'::regclass and not granted`)).length > 0,
      'it waits for the second',
    )
    // Now each has what the other wants, and the runner is the one that looks first.
    await application.query('lock table one')
    await application.query('commit')
  }
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(33)
  expect(stderr).toContain('40P01')
  expect(await db.history()).toEqual(['migration 001_two applied'])
})

test('others change the same catalog row (tuple concurrently updated): tried again, exit 0', async ({ db }) => {
  const first = { '001_users.sql': 'create table users (id int)' }
  db.files(first)
  await db.up()
  const other = await db.connect()
  await other.query('begin; grant select on users to public')
  db.files({ ...first, '002_grant.sql': 'grant insert on users to public' })
  const running = db.spawn(['up'])
  await until(
    async () => (await db.query(`select from pg_stat_activity where wait_event_type = 'Lock'`)).length === 1,
    'it waits for the other',
  )
  await other.query('commit')
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^retrying .*tuple concurrently updated/m)
})
