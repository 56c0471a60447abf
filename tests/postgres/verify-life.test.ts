import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

type Env = Readonly<Record<string, string>>
async function compile(db: Database, files: Env) {
  db.files(files)
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle'], {
    UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl'),
  })
  expect(exitCode, stderr).toBe(0)
  return { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
}

test('SIGTERM leaves nothing on the shadow', async ({ db }) => {
  const { user, password } = await db.role('login createdb')
  const own = { UPFRONT_SHADOW_DATABASE_URL: db.urlOf({ user, password, database: 'postgres' }) }
  db.files({ '1_a.sql': 'create table a (id int)', '2_b.sql': 'select pg_sleep(20)' })
  const child = db.spawn(['compile', '--schema', '--out', 'b'], own)
  const there = async () => (await db.query(`select datname from pg_database where datdba = '${user}'::regrole`)).length
  await until(
    async () =>
      (
        await db.query(
          `select from pg_stat_activity where usename = '${user}' and query ~ 'pg_sleep' and state = 'active'`,
        )
      ).length > 0,
    'sleeping',
    20000,
  )
  child.kill('SIGTERM')
  expect((await child.ended).exitCode).toBe(143)
  expect(await there()).toBe(0)
})

test('up whose connection is lost while verifying verifies again', async ({ db }) => {
  await db.up([], await compile(db, { '1_a.sql': 'create table a (id int); create view v as select * from a' }))
  await db.query('alter table a add column extra int')
  const env = await compile(db, {
    '1_a.sql': 'create table a (id int); create view v as select * from a',
    '2_b.sql': 'create table b (id int)',
  })
  const holder = await db.connect()
  await holder.query('begin; lock table v in access exclusive mode; lock table a in access exclusive mode')
  const p = db.up([], { ...env, UPFRONT_VERIFY: 'fail', UPFRONT_LOCK_TIMEOUT: '20s' })
  await until(
    async () =>
      (
        await db.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'upfront/%' and wait_event_type = 'Lock' and datname = '${db.name}' and query ~ 'repeatable read'`,
        )
      ).length > 0,
    'killed',
    10000,
  )
  await holder.query('rollback')
  const { exitCode, stderr } = await p
  expect(exitCode, stderr).toBe(27)
  expect(stderr).toContain('unexpected column public.a.extra')
})

test('a database whose schema public somebody has dropped', async ({ db }) => {
  const env = await compile(db, { '1_a.sql': 'create schema app; create table app.a (id int)' })
  await db.query('drop schema public')
  await db.up([], env)
  const { exitCode, stdout } = await db.run(['verify'], env)
  expect(exitCode, stdout).toBe(0)
})
