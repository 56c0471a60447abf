import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { ownShadow } from '../support/rehearse.ts'

const slow = { '001_slow.sql': 'create table slow (id int);\nselect pg_sleep(60);' }

const sleeping = (db: Database) =>
  db.query(
    `select 1 as one from pg_stat_activity where wait_event = 'PgSleep' and datname like 'upfront_scratch_${db.name}%'`,
  )

test('what a killed rehearsal has left is dropped by the next on that server, and nothing else', async ({ db }) => {
  db.files(slow)
  const shadow = await ownShadow(db)
  const killed = db.spawn(['rehearse'], shadow.env)
  await expect.poll(() => sleeping(db), { timeout: 10_000 }).toHaveLength(1)
  const [orphan] = await shadow.databases()
  killed.kill('SIGKILL')
  await killed.ended
  // A client that is gone is noticed within a second or so.
  await expect.poll(() => sleeping(db), { timeout: 10_000 }).toHaveLength(0)
  // Of the same role and by such a name, but nobody says that it is one; and one that is in use by another rehearsal.
  const own = await db.connect(shadow.env.UPFRONT_SHADOW_DATABASE_URL)
  const unsigned = 'upfront_scratch_mine_0123456789ab'
  await own.query(`create database ${unsigned}`)
  const alive = db.spawn(['rehearse'], shadow.env)
  await alive.says('which a run that was killed had left, was dropped')
  await expect.poll(() => sleeping(db), { timeout: 10_000 }).toHaveLength(1)
  const [living] = (await shadow.databases()).filter((name) => name !== unsigned)
  expect(living).not.toBe(orphan)
  // As between two of its sessions: only the claim says that it is needed.
  await own.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${living}'`)

  db.files({ '001_quick.sql': 'create table quick (id int);' })
  const { exitCode, stderr } = await db.run(['rehearse'], shadow.env)

  expect([exitCode, stderr]).toEqual([0, ''])
  await alive.ended
  expect(await shadow.databases()).toEqual([unsigned])
  await own.query(`drop database ${unsigned}`)
}, 60_000)

test('a claim keeps a database that no session is connected to', async ({ db }) => {
  db.files({ '001_quick.sql': 'create table quick (id int);' })
  const shadow = await ownShadow(db)
  const { claim, mark } = await import('../../src/run/shadow/abandoned.ts')
  const own = await db.connect(shadow.env.UPFRONT_SHADOW_DATABASE_URL)
  const session = { query: async (sql: string) => (await own.query(sql)).rows } as never
  const name = `upfront_scratch_${db.name}_0123456789ab`
  await claim(session, name)
  await own.query(`create database ${name}`)
  await mark(session, name)
  expect((await db.run(['rehearse'], shadow.env)).stderr).toBe('')
  expect(await shadow.databases()).toEqual([name])
  await own.query('select pg_advisory_unlock_all()')
  expect((await db.run(['rehearse'], shadow.env)).stderr).toContain(`the database ${name}, which`)
  expect(await shadow.databases()).toEqual([])
})

test('who cannot be sent away keeps the scratch database, not the answer; it is named, and goes with the next', async ({
  db,
}) => {
  db.files({ '001_slow.sql': 'create table slow (id int); select pg_sleep(1);' })
  const shadow = await ownShadow(db)
  const running = db.run(['rehearse', '--json'], shadow.env)
  await expect.poll(() => sleeping(db), { timeout: 10_000 }).toHaveLength(1)
  const [name] = await shadow.databases()
  const superuser = await db.connect(db.urlOf({ database: name! }))
  const { exitCode, stdout, stderr } = await running
  expect([exitCode, JSON.parse(stdout).level]).toEqual([0, 'ok'])
  expect(stderr).toContain(`the database ${name} may be left on`)
  expect(stderr).toContain('is being accessed by other users')
  await superuser.end()
  expect((await db.run(['rehearse'], shadow.env)).exitCode).toBe(0)
  expect(await shadow.databases()).toEqual([])
}, 30_000)

test('what all databases of a server share is not changed on that of the target', async ({ db }) => {
  const role = `${db.name}_made`
  const roles = () => db.query(`select from pg_roles where rolname = '${role}'`)
  for (const sql of [`create role ${role};`, `do $$ begin execute 'create  role ${role}'; end $$;`]) {
    db.files({ '001_r.sql': sql })
    const shadow = await ownShadow(db)
    for (const args of [[], ['--clone']]) {
      const { exitCode, stderr } = await db.run(['rehearse', ...args], shadow.env)
      expect(exitCode, stderr).toBe(28)
      expect(stderr).toContain('001_r: create role')
    }
    expect((await db.run(['rehearse', '--on-target'])).exitCode).toBe(0)
    // An embedded server is nobody's.
    expect((await db.run(['rehearse'])).exitCode).toBe(0)
    expect(await roles()).toEqual([])
  }
}, 60_000)

test('what the role bounds does not keep a scratch database from being made, claimed and dropped', async ({ db }) => {
  db.files({ '001_slow.sql': 'select pg_sleep(1);' })
  const shadow = await ownShadow(db)
  const { username } = new URL(shadow.env.UPFRONT_SHADOW_DATABASE_URL)
  await db.query(
    `alter role ${username} set statement_timeout = '5ms'; alter role ${username} set lock_timeout = '1ms'`,
  )
  await db.query(`alter role ${username} set idle_session_timeout = '300ms'`)
  const { exitCode, stderr } = await db.run(['rehearse'], shadow.env)
  // On a slow machine the first question is over the 5 ms as well, and is asked again.
  expect([exitCode, stderr.replace(/^waiting .*\n/gm, '')]).toEqual([0, ''])
  expect(await shadow.databases()).toEqual([])
})
