import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const files = { '001_app.sql': 'create schema app; create table app.users (id int)' }

/** The SQL that a message tells somebody to run. */
function advice(stderr: string): string {
  const found = /^ *next: .*?(grant .*;)\s*$/im.exec(stderr)?.[1]
  if (!found) throw new Error(`there is no grant in:\n${stderr}`)
  return found
}

async function ordinary(db: Database) {
  const role = await db.role()
  return { role, env: { UPFRONT_DATABASE_URL: db.urlOf(role) } }
}

test('a role that may not create our schema: exit 24 with a GRANT, which then is enough', async ({ db }) => {
  const { role, env } = await ordinary(db)
  db.files(files)

  const refused = await db.up([], env)

  expect(refused.exitCode).toBe(24)
  expect(refused.stderr).toContain('may not create the schema')
  expect(refused.stderr).toContain(`ERROR 42501: permission denied for database ${db.name}`)
  expect(await db.history()).toBeNull()
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })

  await db.query(advice(refused.stderr))
  const { exitCode, stderr, applied } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['001_app'])
  expect(await db.query(`select schema_owner from information_schema.schemata where schema_name = 'upfront'`)).toEqual([
    { schema_owner: role.user },
  ])
})

test('a schema of ours that a superuser made for the role is enough', async ({ db }) => {
  const { role, env } = await ordinary(db)
  await db.query(`create schema upfront authorization ${role.user}; create schema app authorization ${role.user}`)
  db.files({ '001_users.sql': 'create table app.users (id int)' })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
})

test('a role that may not read our tables: exit 24 with GRANTs, which then are enough to find nothing to do', async ({
  db,
}) => {
  db.files(files)
  await db.up()
  const { env } = await ordinary(db)

  const refused = await db.up([], env)
  expect(refused.exitCode).toBe(24)
  expect(refused.stderr).toContain('may not use our tables in schema')

  await db.query(advice(refused.stderr))
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('up to date     1 migration')
})

test('a role that may only read: another bundle with nothing pending is fine all the same', async ({ db }) => {
  db.files(files)
  await db.up()
  const { role, env } = await ordinary(db)
  await db.query(
    `grant usage on schema upfront to ${role.user}; grant select on all tables in schema upfront to ${role.user}`,
  )
  await db.query(`update upfront.runs set bundle = 'another'`)
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('up to date     1 migration')
})

test('a role that may only read, and something is pending: exit 24, nothing done', async ({ db }) => {
  db.files(files)
  await db.up()
  const { role, env } = await ordinary(db)
  await db.query(
    `grant usage on schema upfront to ${role.user}; grant select on all tables in schema upfront to ${role.user}`,
  )
  db.files({ ...files, '002_more.sql': 'select 1' })
  const { exitCode, stderr, applied } = await db.up([], env)
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain('42501')
  expect(stderr).toMatch(/next: .*(grant|owner)/i)
  expect(applied).toEqual([])
})

test('row-level security on our history does not make it look empty', async ({ db }) => {
  db.files(files)
  await db.up()
  const { role, env } = await ordinary(db)
  await db.query(
    `grant usage on schema upfront to ${role.user}; grant all on all tables in schema upfront to ${role.user}`,
  )
  await db.query(
    'alter table upfront.history enable row level security; alter table upfront.runs enable row level security',
  )
  db.files({ ...files, '002_more.sql': 'select 1' })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(24)
  expect(await db.history()).toEqual(['migration 001_app applied'])
})

test('a migration that lacks a privilege is exit 22, with what to grant in general', async ({ db }) => {
  const { role, env } = await ordinary(db)
  await db.query(`grant create on database ${db.name} to ${role.user}`)
  db.files({ '001_public.sql': 'create table users (id int)' })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode).toBe(22)
  expect(stderr).toContain('ERROR 42501: permission denied for schema public')
  expect(stderr).toContain('001_public.sql:1:')
  expect(stderr).toContain('next: Grant the role what it lacks')
})

test('a history that lacks a column is no bug of ours', async ({ db }) => {
  db.files(files)
  await db.up()
  await db.query('alter table upfront.history drop column duration_ms')
  db.files({ ...files, '002_more.sql': 'select 1' })
  const { exitCode, stderr } = await db.up()
  expect([21, 24, 25], stderr).toContain(exitCode)
})

test('a history with a column more is fine', async ({ db }) => {
  db.files(files)
  await db.up()
  await db.query('alter table upfront.history add column note text; alter table upfront.runs add column note text')
  db.files({ ...files, '002_more.sql': 'select 1' })
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(['002_more'])
})
