import { join } from 'node:path'
import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { test, until, writeFolder } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

// Unkeyed, so that a migration that ran twice is seen.
const files = {
  '001_ledger.sql': 'create table ledger (name text); insert into ledger values (1)',
  '002_slow.sql': 'insert into ledger values (2); select pg_sleep(0.3)',
  '003_last.sql': 'insert into ledger values (3)',
}
const names = ['001_ledger', '002_slow', '003_last']
const once = [{ name: '1' }, { name: '2' }, { name: '3' }]

test('two replicas start together: one migrates, the other waits and finds nothing to do', async ({ db }) => {
  db.files(files)

  const [first, second] = await Promise.all([db.up(), db.up()])

  expect([first.exitCode, second.exitCode]).toEqual([0, 0])
  expect([...first.applied, ...second.applied]).toEqual(names)
  expect(await db.query('select name from ledger order by name')).toEqual(once)
})

test('thirty at one instant on an empty database: all exit 0, each migration runs once', async ({ db }) => {
  db.files(files)

  const runs = await Promise.all(Array.from({ length: 30 }, () => db.up()))

  expect(runs.map(({ exitCode }) => exitCode)).toEqual(runs.map(() => 0))
  expect(runs.flatMap(({ applied }) => applied)).toEqual(names)
  expect(runs.filter(({ stderr }) => stderr.includes('up to date     3 migrations'))).toHaveLength(29)
  expect(await db.query('select name from ledger order by name')).toEqual(once)
  expect(await db.history()).toEqual(names.map((name) => `migration ${name} applied`))
  expect(await db.query('select outcome from upfront.runs')).toEqual([{ outcome: 'done' }])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('eight processes at one instant on an empty database: all exit 0, each migration runs once', async ({ db }) => {
  db.files(files)
  db.seeds({ '010_a.sql': `insert into ledger values ('seed')` })

  const runs = await Promise.all(Array.from({ length: 8 }, () => db.spawn(['up', '--seed', 'demo']).ended))

  expect(runs.map(({ exitCode }) => exitCode)).toEqual(runs.map(() => 0))
  expect(runs.flatMap(({ applied }) => applied)).toEqual(names)
  expect(runs.flatMap(({ seeded }) => seeded)).toEqual(['010_a.sql'])
  expect(await db.query('select name from ledger order by name')).toEqual([...once, { name: 'seed' }])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('an old image and a new one start together: both exit 0, in either order', async ({ db }) => {
  db.files(files)
  const { '003_last.sql': _, ...older } = files
  const old = join(db.dir, 'older')
  writeFolder(old, older)

  const runs = await Promise.all([db.up(), db.up(['--migrations-dir', old]), db.up(), db.up(['--migrations-dir', old])])

  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0])
  expect(runs.flatMap(({ applied }) => applied).sort()).toEqual(names)
  expect(await db.query('select name from ledger order by name')).toEqual(once)
})

test('two histories in one database do not wait for each other', async ({ db }) => {
  db.files({ '001_a.sql': 'select 1' })
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await db.up([], { UPFRONT_SCHEMA: 'another' })).exitCode).toBe(0)
})

test('a lock that somebody holds to the end: exit 31, the holder named, nothing done', async ({ db }) => {
  db.files(files)
  const holder = await db.connect()
  await holder.query(`set application_name = 'night shift'`)
  const { rows } = await holder.query<{ pid: number }>(
    `select pg_backend_pid() as pid, pg_advisory_lock(${lockKey('upfront')})`,
  )

  const { exitCode, stderr } = await db.up([], { UPFRONT_LOCK_WAIT: '400ms' })

  expect(exitCode).toBe(31)
  expect(stderr).toContain('another runner held the lock for all of 0.4 s (LOCKED, exit 31)')
  expect(stderr).toContain(`reason: held by night shift (pid ${rows[0]!.pid}, connected since`)
  expect(stderr).toContain('UPFRONT_LOCK_WAIT')
  expect(await db.history()).toBeNull()
  expect(await db.tables()).toEqual([])
})

test('while it waits it says for whom, and goes on when the lock is free', async ({ db }) => {
  db.files(files)
  const holder = await db.connect()
  await holder.query(`set application_name = 'night shift'`)
  await holder.query(`select pg_advisory_lock(${lockKey('upfront')})`)
  const running = db.spawn()
  await running.says(/waiting {8}another runner holds the lock: night shift/)
  await holder.query('select pg_advisory_unlock_all()')

  const { exitCode, applied, stderr } = await running.ended

  expect(exitCode).toBe(0)
  expect(applied).toEqual(names)
  expect(stderr.match(/another runner holds the lock/g)).toHaveLength(1)
})

test('one that waits for the lock holds no transaction open', async ({ db }) => {
  db.files(files)
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  const running = db.spawn()
  await running.says('another runner holds the lock')

  const seen = await db.query(
    `select state, xact_start, backend_xid, wait_event_type from pg_stat_activity
     where datname = current_database() and application_name like 'upfront/%'`,
  )

  expect(seen).toEqual([{ state: 'idle', xact_start: null, backend_xid: null, wait_event_type: 'Client' }])
})

test('one that waits long holds no connection meanwhile, and goes on when the lock is free', async ({ db }) => {
  db.files(files)
  const holder = await db.connect()
  await holder.query(`select pg_advisory_lock(${lockKey('upfront')})`)
  await using proxy = await startProxy(Number(new URL(db.url).port))
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: db.urlOf(proxy) })
  await running.says('another runner holds the lock')

  await until(async () => (await db.leftovers()).sessions === 0, 'it has let go of its session')
  expect(proxy.connections()).toBe(1)
  await until(() => proxy.connections() > 1, 'it has come back')
  await holder.query('select pg_advisory_unlock_all()')

  const { exitCode, applied, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(names)
  expect(stderr.match(/another runner holds the lock/g)).toHaveLength(1)
}, 60_000)

test('one that waits without a connection keeps its time, and says who had the lock', async ({ db }) => {
  db.files(files)
  const holder = await db.connect()
  await holder.query(`set application_name = 'night shift'`)
  await holder.query(`select pg_advisory_lock(${lockKey('upfront')})`)
  const begun = performance.now()

  const { exitCode, stderr } = await db.up([], { UPFRONT_LOCK_WAIT: '7s' })

  expect(exitCode, stderr).toBe(31)
  expect(stderr).toContain('reason: held by night shift')
  expect(performance.now() - begun).toBeGreaterThan(6_500)
  expect(performance.now() - begun).toBeLessThan(12_000)
}, 60_000)

test('a migration that fails in one runner is not applied by the one that waited', async ({ db }) => {
  db.files({ '001_bad.sql': 'create table t (id int); select pg_sleep(0.3); select 1 / 0' })

  const runs = await Promise.all([db.up(), db.up()])

  expect(runs.map(({ exitCode }) => exitCode)).toEqual([22, 22])
  expect(await db.tables()).toEqual([])
  expect(await db.history()).toEqual([])
})

test('a runner whose session the server ends while it waits for the lock connects again', async ({ db }) => {
  db.files(files)
  const holder = await db.connect()
  await holder.query(`select pg_advisory_lock(${lockKey('upfront')})`)
  const running = db.spawn()
  await running.says('another runner holds the lock')

  await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like 'upfront/%'`)
  await until(() => running.stderr().includes('disconnected') || running.stderr().includes('failed'), 'it noticed')
  await holder.query('select pg_advisory_unlock_all()')

  const { exitCode, applied, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(names)
})

test('who waited for a runner that stopped half way is told the commands as well', async ({ db }) => {
  db.files({
    '001_half.sql': '-- upfront:no-transaction\ncreate table a (id int);\nselect pg_sleep(1.5);\nselect 1 / 0;',
  })
  const first = db.up()
  await until(async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and query like '%pg_sleep%' and pid <> pg_backend_pid()`)
    return rows.length > 0
  }, 'the first sleeps')
  const second = await db.up()
  expect((await first).exitCode).toBe(23)
  expect(second.exitCode, second.stderr).toBe(23)
  expect(second.stderr).toContain('001_half failed in another runner')
  expect(second.stderr).toContain('upfront repair --done 001_half --reason "..."')
  expect(second.stderr).toContain('upfront repair --not-done 001_half --reason "..."')
})

test('who waits hears that the lock is free, and what it runs then finds no trace of that', async ({ db }) => {
  db.files({
    '001_a.sql': `create table a (heard text); insert into a select * from pg_listening_channels()`,
    '002_b.ts': `export const up = async (client: any) => {
      await client.query('insert into a select * from pg_listening_channels()')
    }`,
  })
  const holder = await db.connect()
  const key = lockKey('upfront')
  await holder.query(`select pg_advisory_lock(${key})`)
  const running = db.spawn(['up'])
  // By then it sleeps for about a second before it looks by itself.
  await new Promise((resolve) => setTimeout(resolve, 3_500))
  await holder.query(`select pg_advisory_unlock(${key})`)
  await holder.query(`notify "upfront ${key}"`)
  const told = performance.now()
  // That it has the lock, because how long it then takes to read its files is another matter.
  const hasLock = `select count(*) > 0 as has from pg_locks where locktype = 'advisory' and granted
    and (classid::bigint << 32) + objid::bigint = ${key}`
  await until(async () => (await db.query<{ has: boolean }>(hasLock))[0]!.has, 'it has the lock')
  expect(performance.now() - told).toBeLessThan(500)
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select * from a')).toEqual([])
})
