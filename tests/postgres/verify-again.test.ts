import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { type Database, test } from '../support/database.ts'

type Env = Readonly<Record<string, string>>

/** Compiles the files with their schema; answers the environment of a run from that bundle. */
async function compile(db: Database, files: Readonly<Record<string, string>>, more: Env = {}) {
  db.files(files)
  const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl'), ...more }
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle'], shadow)
  expect(exitCode, stderr).toBe(0)
  return { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
}

const one = { '1_app.sql': 'create schema app; create table app.users (id bigint primary key)' }
const two = { ...one, '2_orders.sql': 'create table app.orders (id bigint primary key)' }

test('seeds that are left when the schema is wrong stay left at the next start, which fails as well', async ({
  db,
}) => {
  await db.up([], await compile(db, one))
  await db.query('alter table app.users add column extra int')
  const fail = { ...(await compile(db, two)), UPFRONT_VERIFY: 'fail', UPFRONT_SEED: 'demo' }
  db.seeds({ '1_s.sql': 'create table seeded (a int)' })
  expect((await db.up([], fail)).exitCode).toBe(27)
  expect((await db.up([], fail)).exitCode).toBe(27)
  expect(await db.tables()).not.toContain('public.seeded')
})

test('who has waited for a runner that found the schema wrong does not call it right', async ({ db }) => {
  await db.up([], await compile(db, one))
  await db.query('alter table app.users add column extra int')
  const slow = { ...two, '2_orders.sql': `${two['2_orders.sql']}; select pg_sleep(1.5)` }
  const fail = { ...(await compile(db, slow)), UPFRONT_VERIFY: 'fail' }
  const all = await Promise.all([db.up([], fail), db.up([], fail), db.up([], fail)])
  expect(all.map(({ exitCode }) => exitCode)).toEqual([27, 27, 27])
})

test('with --to a wrong schema is wrong at the next start too', async ({ db }) => {
  await db.up([], await compile(db, one))
  await db.query('alter table app.users add column extra int')
  const fail = {
    ...(await compile(db, { ...two, '3_more.sql': 'create table app.more (id int)' })),
    UPFRONT_VERIFY: 'fail',
  }
  expect((await db.up(['--to', '2_orders'], fail)).exitCode).toBe(27)
  expect((await db.up(['--to', '2_orders'], fail)).exitCode).toBe(27)
})

test('a role that may only read does not make a wrong schema right', async ({ db }) => {
  await db.up([], await compile(db, one))
  await db.query('alter table app.users add column extra int')
  const fail = { ...(await compile(db, two)), UPFRONT_VERIFY: 'fail' }
  expect((await db.up([], fail)).exitCode).toBe(27)
  const { user, password } = await db.role('login')
  await db.query(`grant usage on schema upfront to ${user}; grant select on all tables in schema upfront to ${user}`)
  const reader = { ...fail, UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  expect((await db.up([], reader)).exitCode).toBe(27)
})

test('a lock that is held does not make a wrong schema right', async ({ db }) => {
  await db.up([], await compile(db, one))
  await db.query('alter table app.users add column extra int')
  const fail = { ...(await compile(db, two)), UPFRONT_VERIFY: 'fail', UPFRONT_LOCK_WAIT: '2s' }
  expect((await db.up([], fail)).exitCode).toBe(27)
  const { lockKey } = await import('../../src/postgres/lock-key.ts')
  const holder = await db.connect()
  await holder.query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await db.up([], fail)).exitCode).not.toBe(0)
})

test('what was only warned of fails as soon as UPFRONT_VERIFY says so', async ({ db }) => {
  await db.up([], await compile(db, one))
  await db.query('alter table app.users add column extra int')
  const env = await compile(db, two)
  expect((await db.up([], env)).exitCode).toBe(0)
  expect((await db.up([], { ...env, UPFRONT_VERIFY: 'fail' })).exitCode).toBe(27)
})
