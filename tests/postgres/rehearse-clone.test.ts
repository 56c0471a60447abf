import pg from 'pg'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const before = {
  '001_app.sql':
    'create table t (id int primary key, a int); insert into t select i, i from generate_series(1, 1000) i;',
}

/** The database itself keeps a connection of the test, which would be in the way. */
async function withoutSessions(db: Database, use: (server: pg.Client) => Promise<void>): Promise<void> {
  const server = await db.connect(db.urlOf({ database: 'postgres' }))
  await server.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${db.name}'`)
  await use(server)
}

test('a copy has the rows, so that what fails on them fails there; it is gone afterwards', async ({ db }) => {
  const { user, password } = await db.role('login createdb')
  await db.query(`alter database ${db.name} owner to ${user}; grant create on schema public to ${user}`)
  const as = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  db.files(before)
  expect((await db.up([], as)).exitCode).toBe(0)
  await withoutSessions(db, async (server) => {
    db.files({
      ...before,
      '002_a.sql': 'alter table t alter a type bigint;',
      '003_u.sql': 'update t set a = 1; alter table t add unique (a);',
    })
    const { exitCode, stdout, stderr } = await db.run(['rehearse', '--json', '--clone'], as)
    expect(exitCode, stderr).toBe(22)
    const { on, failed, migrations } = JSON.parse(stdout)
    expect([on, failed.sqlstate, migrations[0].statements[0].work[0].what]).toEqual(['clone', '23505', 'rewrites'])
    const left = await server.query(
      `select datname from pg_database where datdba = '${user}'::regrole and datname <> '${db.name}'`,
    )
    expect(left.rows).toEqual([])
  })
})

test('it is refused while others are connected, who are named, and for a role that may not', async ({ db }) => {
  db.files(before)
  await db.up()
  db.files({ ...before, '002_a.sql': 'alter table t alter a type bigint;' })
  await withoutSessions(db, async () => {
    const { user, password } = await db.role()
    const as = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
    await db.query(`grant usage on schema upfront to ${user}; grant select on upfront.history to ${user}`)
    const denied = await db.run(['rehearse', '--clone'], as)
    expect(denied.exitCode, denied.stderr).toBe(24)
    expect(denied.stderr).toContain('this role may not make a copy of the target')
  })
  const other = await db.connect()
  await other.query(`set application_name = 'the app'`)
  const { exitCode, stderr } = await db.run(['rehearse', '--clone'])
  expect(exitCode).toBe(28)
  expect(stderr).toMatch(/pid \d+ \(the app, /)
}, 40_000)

test('what is set for the database holds in its copy', async ({ db }) => {
  await db.query(`create schema "Ä p"; alter database ${db.name} set search_path = "Ä p", public;
    alter database ${db.name} set app.tenant = E'x \\\\ y'; alter role all in database ${db.name} set work_mem = '7MB'`)
  db.files({ '001_t.sql': 'create table t (id int);' })
  expect((await db.run(['up'], { UPFRONT_SCHEMA: 'upfront' })).exitCode).toBe(0)
  db.files({
    '001_t.sql': 'create table t (id int);',
    '002_a.sql': `alter table t add x int; do $$ begin assert current_setting('app.tenant') = E'x \\\\ y'; assert current_setting('work_mem') = '7MB'; end $$;`,
  })
  await withoutSessions(db, async () => {
    const { exitCode, stderr, stdout } = await db.run(['rehearse', '--clone'], { UPFRONT_SCHEMA: 'upfront' })
    expect(exitCode, stderr).toBe(0)
    expect(stdout).toContain('ACCESS EXCLUSIVE "Ä p".t')
  })
})
