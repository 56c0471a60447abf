// What a fleet keeps in its central database is true, whatever becomes of that database and of others who write there.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { withPostgres } from '../../src/embedded/postgres.ts'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Database, test, until, withDatabase } from '../support/database.ts'

const fleet = { UPFRONT_FLEET_SCHEMAS: 'tenant_*' }
const slow = { '001_a.sql': 'create table a (id int); select pg_sleep(2)' }

async function makeTenants(db: Database, count: number) {
  await db.query(Array.from({ length: count }, (_, i) => `create schema tenant_${i};`).join('\n'))
}

/** Ends the sessions of ours that do nothing but keep the ledger or the places; says how many. */
async function endCentral(db: Database): Promise<number> {
  const rows = await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = '${db.name}' and application_name like 'upfront/%' and state = 'idle'
      and (query ~ 'upfront"?.fleet' or query ~ 'advisory' or query ~ 'pg_control_system|client_min_messages')`)
  return rows.length
}

async function ledger(db: Database): Promise<{ target: string; state: string }[]> {
  const [there] = await db.query<{ there: boolean }>(`select to_regclass('upfront.fleet') is not null as there`)
  return there!.there ? db.query('select target, state from upfront.fleet order by target') : []
}

test('a ledger session that is lost again and again is opened again, and every tenant is recorded', async ({ db }) => {
  await makeTenants(db, 6)
  db.files(slow)
  const run = db.spawn(['fleet', 'up', '--parallel', '2'], fleet)
  let ended = 0
  for (let i = 0; i < 4; i += 1) {
    await until(async () => (await ledger(db)).some(({ state }) => state === 'running'), 'one is running', 30_000)
    ended += await endCentral(db)
    await sleep(300)
  }
  expect(ended).toBeGreaterThan(1)
  const { exitCode, stdout, stderr } = await run.ended
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('6 done, 0 with nothing to do, 0 failed, 0 not tried')
  expect((await ledger(db)).map(({ state }) => state)).toEqual(Array(6).fill('done'))
})

test('a session that is lost while the fleet is listed is opened again, and no tenant is counted twice', async ({
  db,
}) => {
  db.files(slow)
  const env = {
    UPFRONT_FLEET_QUERY: `select 'x' || i as database from generate_series(1, 3) i union all select 'slow' from pg_sleep(2)`,
  }
  const asking = db.run(['fleet', 'status', '--json'], env)
  const end = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = '${db.name}' and application_name like 'upfront/%' and query ~ 'pg_sleep'`
  await until(async () => (await db.query(end)).length > 0, 'its session is ended')
  const { exitCode, stdout, stderr } = await asking
  expect(exitCode, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ tenants: 4, new: 4 })
})

test('a gate waits no longer for a server that is gone than it may wait', async () => {
  await withPostgres({}, (server) =>
    withDatabase(server.url, async (db) => {
      await makeTenants(db, 1)
      db.files(slow)
      const begun = performance.now()
      const waiting = db.run(['fleet', 'wait'], { ...fleet, UPFRONT_WAIT_TIMEOUT: '5s' })
      await sleep(3_000)
      await server.halt('immediate')
      const { exitCode, stderr } = await waiting
      expect(exitCode, stderr).toBe(30)
      expect(performance.now() - begun).toBeLessThan(7_500)
    }),
  )
})

test('a run that is stopped says what it has done, and what was in flight is not done', async ({ db }) => {
  await makeTenants(db, 8)
  db.files({
    '001_a.sql': "create table a (id int); select pg_sleep(case when current_schema() < 'tenant_3' then 0 else 30 end)",
  })
  const run = db.spawn(['fleet', 'up', '--parallel', '2', '--json'], fleet)
  await until(async () => (await ledger(db)).length === 5, 'two are in flight', 30_000)
  run.kill('SIGTERM')
  const { exitCode, stdout, stderr } = await run.ended
  expect(exitCode, stderr).toBe(143)
  expect(JSON.parse(stdout)).toMatchObject({ done: 3, nothing_to_do: 0, failed: 0, not_tried: 5 })
  expect(stderr).toContain('3 done, 0 with nothing to do, 0 failed, 5 not tried')
  const states = (await ledger(db)).map(({ state }) => state)
  expect(states).toEqual(['done', 'done', 'done', 'failed', 'failed'])
})

test('what a stopped run leaves half done is told as a failure of its tenant', async ({ db }) => {
  await makeTenants(db, 1)
  db.files({ '001_a.sql': '-- upfront:no-transaction\ncreate table a (id int);\nselect pg_sleep(30);' })
  const run = db.spawn(['fleet', 'up'], fleet)
  const sleeps = `select 1 from pg_stat_activity where datname = '${db.name}' and query ~ 'pg_sleep' and pid <> pg_backend_pid()`
  await until(async () => (await db.query(sleeps)).length > 0, 'it sleeps', 30_000)
  run.kill('SIGTERM')
  const { exitCode, stdout, stderr } = await run.ended
  expect(exitCode, stderr).toBe(143)
  expect(stdout).toContain('0 done, 0 with nothing to do, 1 failed, 0 not tried')
  expect(stderr).toContain('stopped after 1 of 2 statements, which remain')
})

test('a run of another image that finishes later says nothing of the one that has begun since', async ({ db }) => {
  await makeTenants(db, 1)
  db.files(slow)
  const old = db.spawn(['fleet', 'up'], fleet)
  await until(async () => (await ledger(db)).length === 1, 'the old one has begun', 30_000)
  const [first] = await db.query<{ bundle: string }>('select bundle from upfront.fleet')
  db.files({ ...slow, '002_b.sql': 'create table b (id int)' })
  const young = db.spawn(['fleet', 'up'], fleet)
  const hasBegun = async () =>
    (await db.query<{ bundle: string }>('select bundle from upfront.fleet'))[0]!.bundle !== first!.bundle
  await until(hasBegun, 'the young one has begun', 30_000)
  young.kill('SIGKILL')
  await young.ended
  const { exitCode, stderr } = await old.ended
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).not.toContain('tenant_0.b')
  const status = await db.run(['fleet', 'status', '--exit-code'], fleet)
  expect(status.exitCode, status.stdout).toBe(34)
  const again = await db.run(['fleet', 'up'], fleet)
  expect(again.stdout, again.stderr).toContain('1 done')
})

test('an error that the central database has no letters for fails its tenant alone', async ({ db }) => {
  const [central, ...tenants] = ['c', 't0', 't1'].map((name) => `${db.name}_${name}`)
  await db.query(`create database ${central} encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'`)
  for (const name of tenants) await db.query(`create database ${name}`)
  const env = {
    UPFRONT_DATABASE_URL: db.urlOf({ database: central! }),
    UPFRONT_FLEET_QUERY: `values ('${tenants.join(`'), ('`)}')`,
  }
  const raise = `do $$ begin if current_database() like '%t0' then raise exception 'kaputt 日本'; end if; end $$`
  try {
    db.files({ '001_a.sql': raise })
    const letters = await db.run(['fleet', 'up'], env)
    expect(letters.exitCode, letters.stderr).toBe(35)
    expect(letters.stdout).toContain('1 done, 0 with nothing to do, 1 failed, 0 not tried')
    expect((await db.run(['fleet', 'status'], env)).stdout).toContain('kaputt ??')
    db.files({ '001_a.sql': raise, '002_b.ts': `export async function up() { throw new Error('zero \\0 byte') }` })
    const zero = await db.run(['fleet', 'up', '--only', tenants[1]!], env)
    expect(zero.exitCode, zero.stderr).toBe(35)
  } finally {
    for (const name of [central, ...tenants]) await db.query(`drop database ${name} with (force)`)
  }
})

test('who may not keep the ledger is told so', async ({ db }) => {
  const us = await db.role()
  await db.query(`create schema tenant_1 authorization ${us.user}`)
  db.files({ '001_a.sql': 'create table a (id int)' })
  const env = { ...fleet, UPFRONT_DATABASE_URL: db.urlOf(us) }
  const none = await db.run(['fleet', 'up'], env)
  expect(none.exitCode, none.stderr).toBe(24)
  expect(none.stderr).toContain(`grant create on database "${db.name}" to "${us.user}"`)
  await db.query('create schema upfront')
  const space = await db.run(['fleet', 'up'], env)
  expect(space.exitCode, space.stderr).toBe(24)
})

test('who waits to make the ledger holds up no index of the runner that has the lock, and names it in the end', async ({
  db,
}) => {
  await makeTenants(db, 1)
  await db.query('create table shared (id int)')
  db.files({ '001_a.sql': 'create table a (id int)' })
  const other = await db.connect()
  await other.query(`set application_name = 'somebody'; select pg_advisory_lock(${lockKey('upfront')})`)
  const late = await db.run(['fleet', 'up'], { ...fleet, UPFRONT_LOCK_WAIT: '300ms' })
  expect(late.exitCode, late.stderr).toBe(31)
  expect(late.stderr).toContain('held by somebody (pid')
  const brief = await db.run(['fleet', 'up'], { ...fleet, UPFRONT_DEADLINE: '2s' })
  expect(brief.stderr).toContain('was over while waiting for the lock')
  const waiting = db.spawn(['fleet', 'up'], { ...fleet, UPFRONT_LOCK_TIMEOUT: '1m' })
  await waiting.says('somebody (pid')
  await other.query('create index concurrently on shared (id)')
  await other.query('select pg_advisory_unlock_all()')
  const { exitCode, stderr } = await waiting.ended
  expect(exitCode, stderr).toBe(0)
})

test('a central database that is not there is not said to be created by a setting', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  const env = {
    ...fleet,
    UPFRONT_DATABASE_URL: db.urlOf({ database: `${db.name}_none` }),
    UPFRONT_CREATE_DATABASE: 'true',
    UPFRONT_AUTH_GRACE: '0',
  }
  const { exitCode, stderr } = await db.run(['fleet', 'up'], env)
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain('or correct its name in DATABASE_URL')
  expect(stderr).not.toContain('UPFRONT_CREATE_DATABASE')
})
