import { expect } from 'vitest'
import { test, until } from '../support/database.ts'

const files = {
  '001_users.sql': 'create table users (id int)',
  '002_alter.sql': 'create table made (id int); alter table users add column name text',
  '003_last.sql': 'create table last (id int)',
}

test('a blocker that leaves in time: the migration is tried again as a whole, exit 0', async ({ db }) => {
  db.files({ '001_users.sql': files['001_users.sql'] })
  await db.up()
  const blocker = await db.connect()
  await blocker.query('begin; lock table users in access share mode')
  db.files(files)
  const running = db.spawn(['up'], { UPFRONT_LOCK_TIMEOUT: '100ms' })
  await running.says('retrying       002_alter')
  await blocker.query('commit')

  const { exitCode, applied, stderr } = await running.ended

  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['002_alter', '003_last'])
  expect(stderr).toContain('canceling statement due to lock timeout')
  expect(await db.tables()).toEqual(['public.last', 'public.made', 'public.users'])
})

test('a blocker that stays: exit 33, nothing applied, others let through meanwhile', async ({ db }) => {
  db.files({ '001_users.sql': files['001_users.sql'] })
  await db.up()
  const blocker = await db.connect()
  await blocker.query(`set application_name = 'nightly report'`)
  await blocker.query('begin; lock table users in access share mode')
  db.files(files)

  const { exitCode, stderr, applied } = await db.up(['--lock-timeout', '100ms', '--lock-retry', '1s'])

  expect(exitCode).toBe(33)
  expect(applied).toEqual([])
  expect(stderr).toContain(
    "others' locks kept 002_alter from running for 1 s; nothing of it was applied (BUSY, exit 33)",
  )
  expect(stderr).toContain('ERROR 55P03: canceling statement due to lock timeout')
  expect(stderr).toContain('UPFRONT_LOCK_RETRY')
  expect(stderr).toContain('not run: 003_last')
  expect(await db.tables()).toEqual(['public.users'])
  expect(await db.history()).toEqual(['migration 001_users applied'])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  // The blocker can still read, and so can everybody else.
  await blocker.query('select from users; commit')
})

test('who stands in the way is named', async ({ db }) => {
  db.files({ '001_users.sql': files['001_users.sql'] })
  await db.up()
  const blocker = await db.connect()
  await blocker.query(`set application_name = 'nightly report'`)
  await blocker.query('begin; lock table users in access share mode')
  db.files(files)
  const { exitCode, stderr } = await db.up(['--lock-timeout', '100ms', '--lock-retry', '300ms'])
  expect(exitCode).toBe(33)
  expect(stderr).toContain('nightly report')
})

test('a deadlock with the application is tried again', async ({ db }) => {
  db.files({ '001_two.sql': 'create table one (id int); create table two (id int)' })
  await db.up()
  const application = await db.connect()
  await application.query('begin; lock table two in access exclusive mode')
  db.files({
    '001_two.sql': 'create table one (id int); create table two (id int)',
    '002_both.sql': `set local deadlock_timeout = '50ms'; lock table one; lock table two; alter table one add column x int`,
  })
  const running = db.spawn(['up'], { UPFRONT_LOCK_TIMEOUT: '20s' })
  await until(async () => {
    const rows = await db.query(`select from pg_locks where relation = 'one'::regclass and granted`)
    return rows.length > 0
  }, 'it has locked table one')
  await application.query('lock table one').then(
    () => application.query('commit'),
    () => application.query('rollback'),
  )

  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select x from one')).toEqual([])
})

test('while a migration waits for a lock, a signal ends it', async ({ db }) => {
  db.files({ '001_users.sql': files['001_users.sql'] })
  await db.up()
  await (await db.connect()).query('begin; lock table users')
  db.files(files)
  const running = db.spawn(['up'], { UPFRONT_LOCK_TIMEOUT: '100ms' })
  await running.says('retrying')
  running.kill('SIGTERM')
  expect((await running.ended).exitCode).toBe(143)
})

test.for(['history', 'runs'])(
  'somebody who sits on our own table %s is waited for, and is no bug of ours',
  async (table, { db }) => {
    db.files({ '001_users.sql': files['001_users.sql'] })
    await db.up()
    await (await db.connect()).query(`begin; lock table upfront.${table} in share mode`)
    db.files(files)
    const { exitCode, stderr } = await db.up(['--lock-timeout', '100ms', '--lock-retry', '300ms'])
    expect(exitCode, stderr).toBe(33)
    expect(await db.tables()).toEqual(['public.users'])
  },
)
