// UPFRONT_ROLE: somebody logs in, and another role does everything and owns what is made.
import { randomBytes } from 'node:crypto'
import { afterEach, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'

const files = {
  '001_users.sql': 'create table users (id int primary key)',
  '002_strays.sql': 'create table strays (id int primary key); set role none',
  '003_index.sql': '-- upfront:no-transaction\ncreate index concurrently users_id on users (id);\nset role none',
  '004_module.js': `export const up = (sql) => sql.query('create table by_module (id int)')`,
  '005_outside.js': `export const transaction = false
    export const up = async (sql) => { await sql.query('create table by_outside (id int)') }`,
  '006_last.sql': 'create table last (id int)',
  '006_last.down.sql': 'drop table last',
}

const made: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of made.splice(0).reverse()) await undo().catch(() => {})
})

/** A database that belongs to a role nobody logs in as, and a user that may become it but has nothing of its own. */
async function withOwner(db: Database) {
  const owner = `Owner of "${randomBytes(3).toString('hex')}"`
  const quoted = `"${owner.replaceAll('"', '""')}"`
  const login = await db.role('login noinherit')
  await db.query(`create role ${quoted} nologin; grant ${quoted} to ${login.user}`)
  await db.query(`alter database ${db.name} owner to ${quoted}`)
  made.push(() => db.query(`drop owned by ${quoted} cascade; drop role ${quoted}`))
  made.push(() => db.query(`reassign owned by ${quoted} to postgres`))
  return { owner, quoted, login, env: { UPFRONT_DATABASE_URL: db.urlOf(login), UPFRONT_ROLE: owner } }
}

const owners = `select distinct rolname from pg_class join pg_roles r on r.oid = relowner
  where relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_|^information_schema')`

test('with UPFRONT_ROLE everything belongs to that role, our tables too, whatever the migrations do to it', async ({
  db,
}) => {
  const { owner, env } = await withOwner(db)
  db.files(files)
  db.seeds({ 'dev/010.sql': 'insert into users values (1)', 'dev/020_strays.csv': 'id\n1\n' })

  const { exitCode, stderr } = await db.up(['--seed', 'dev'], env)

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain(`in the role ${owner}`)
  expect(await db.query(owners)).toEqual([{ rolname: owner }])
  expect((await db.up(['--seed', 'dev'], env)).stderr).toContain('up to date')
})

test('every command works in UPFRONT_ROLE, for a user who has no rights of its own', async ({ db }) => {
  const { owner, env } = await withOwner(db)
  db.files(files)
  db.seeds({ 'dev/010.sql': 'insert into users values (1)' })
  const all = async (...runs: string[][]) => {
    for (const args of runs) {
      const { exitCode, stderr } = await db.run(args, env)
      expect(exitCode, `${args.join(' ')}: ${stderr}`).toBe(0)
    }
  }
  await all(['plan'], ['status'], ['baseline', '--to', '001_users'])
  await db.query('set role none; create table users (id int)')
  await db.query(`alter table users owner to "${owner.replaceAll('"', '""')}"`)
  await all(['up'], ['status'], ['wait'], ['plan'], ['redo', '--yes-destroy', db.name])
  await all(['down', '--yes-destroy', db.name], ['up'], ['up'], ['seed', '--seed', 'dev'])
  await all(['repair', '--environment', 'development', '--reason', 'it is one'])
  expect(await db.query(owners)).toEqual([{ rolname: owner }])
})

test('without UPFRONT_ROLE that user may do nothing', async ({ db }) => {
  const { env } = await withOwner(db)
  db.files(files)
  expect((await db.up([], { ...env, UPFRONT_ROLE: undefined })).exitCode).toBe(24)
})

test('a UPFRONT_ROLE that does not exist is 24 with what to run', async ({ db }) => {
  db.files(files)
  const login = await db.role()
  for (const command of ['up', 'status', 'wait', 'plan', 'baseline']) {
    const env = { UPFRONT_DATABASE_URL: db.urlOf(login), UPFRONT_ROLE: 'no such "role"' }
    const { exitCode, stderr } = await db.run([command], env)
    expect(exitCode, `${command}: ${stderr}`).toBe(24)
    expect(stderr).toContain('the role "no such ""role""" (UPFRONT_ROLE) does not exist')
    expect(stderr).toContain(`create role "no such ""role"""; grant "no such ""role""" to "${login.user}";`)
  }
})

test('a UPFRONT_ROLE that may not be set is 24 with the GRANT', async ({ db }) => {
  db.files(files)
  const login = await db.role()
  for (const command of ['up', 'status', 'wait']) {
    const env = { UPFRONT_DATABASE_URL: db.urlOf(login), UPFRONT_ROLE: 'pg_monitor' }
    const { exitCode, stderr } = await db.run([command], env)
    expect(exitCode, `${command}: ${stderr}`).toBe(24)
    expect(stderr).toContain(`grant "pg_monitor" to "${login.user}";`)
  }
})

test('what the role lacks is told of the role, not of the user who logs in', async ({ db }) => {
  const { quoted, env } = await withOwner(db)
  await db.query(`alter database ${db.name} owner to postgres`)
  db.files(files)
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain(`grant create on database "${db.name}" to ${quoted};`)
})

test('UPFRONT_CREATE_DATABASE makes a database that belongs to UPFRONT_ROLE', async ({ db }) => {
  const { owner, login, env } = await withOwner(db)
  db.files(files)
  const database = `${db.name}_new`
  const create = { ...env, UPFRONT_CREATE_DATABASE: 'true', UPFRONT_DATABASE_URL: db.urlOf({ ...login, database }) }
  made.push(() => db.query(`drop database if exists ${database} with (force)`))

  expect((await db.up([], create)).stderr).toContain(`alter role "${login.user}" createdb`)
  await db.query(`alter role ${login.user} createdb`)
  const missing = await db.up([], { ...create, UPFRONT_ROLE: 'nobody' })
  expect(missing.exitCode).toBe(24)
  expect(missing.stderr).toContain(`create role "nobody"; grant "nobody" to "${login.user}"`)
  const { exitCode, stderr } = await db.up([], create)

  expect(exitCode, stderr).toBe(0)
  const owned = `select rolname from pg_database join pg_roles r on r.oid = datdba where datname = '${database}'`
  expect(await db.query(owned)).toEqual([{ rolname: owner }])
})

test.skipIf(missing !== undefined)(
  'UPFRONT_ROLE stays on no server process of a pooler in transaction mode',
  async ({ db }) => {
    const { env, login } = await withOwner(db)
    const { hostname, port } = new URL(db.url)
    db.files(files)
    const server = { host: hostname, port: Number(port), ...login }
    for (const mode of ['transaction', 'session'] as const) {
      await withPgBouncer(mode, server, async (pooled) => {
        const url = db.urlOf({ ...login, port: pooled })
        for (const command of ['status', 'plan', 'up', 'wait', 'up']) {
          const { exitCode, stderr } = await db.run([command, '--wait-timeout', '3s'], {
            ...env,
            UPFRONT_DATABASE_URL: url,
          })
          expect(exitCode, `${mode} ${command}: ${stderr}`).toBe(
            mode === 'session' ? 0 : ({ up: 25, wait: 34 }[command] ?? 0),
          )
          const app = await db.connect(url)
          const { rows } = await app.query(`select current_user::text as "user", current_setting('role') as role`)
          expect(rows, `${mode} ${command}`).toEqual([{ user: login.user, role: 'none' }])
          await app.end()
        }
      })
    }
  },
)
