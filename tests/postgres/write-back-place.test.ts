// UPFRONT_WRITE_BACK: where the tool's table is made, and what is said of a role that may not write there.
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { toolFolders, users } from '../support/tool-folders.ts'

const on = { UPFRONT_WRITE_BACK: 'true' }
const prisma = toolFolders['prisma']!

/** As a role that works in a schema of its own. */
async function ownSchema(db: Database, grants: (user: string) => string) {
  const { user, password } = await db.role()
  await db.query(`grant create on database ${db.name} to ${user}; create schema app authorization ${user};
    alter role ${user} set search_path = app, public; ${grants(user)}`)
  return { ...on, UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
}

test('it is made where the tool would make it: in the first schema of the search_path', async ({ db }) => {
  db.files(prisma.files)
  const { exitCode, stderr } = await db.up([], await ownSchema(db, () => ''))
  expect(exitCode, stderr).toBe(0)
  expect((await db.tables()).sort()).toEqual(['app._prisma_migrations', 'app.orders', 'app.users'])
})

test('or in the schema of the URL, as prisma writes it', async ({ db }) => {
  db.files(prisma.files)
  await db.query('create schema "My app"')
  const url = `${db.url}?schema=My%20app`
  const { exitCode, stderr } = await db.up([], { ...on, UPFRONT_DATABASE_URL: url })
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select migration_name as name from "My app"._prisma_migrations order by 1')).toEqual(
    prisma.names.map((name) => ({ name })),
  )
})

test('one that is there is written to, wherever on the search_path it is', async ({ db }) => {
  db.files(prisma.files)
  await db.query(`${users} ${prisma.history}`)
  const env = await ownSchema(db, (user) => `grant select, insert on _prisma_migrations to ${user}`)
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect((await db.tables()).sort()).toEqual(['app.orders', 'public._prisma_migrations', 'public.users'])
})

test('a role that may not make it: exit 24 with the grant, and nothing has run', async ({ db }) => {
  db.files(prisma.files)
  const { user, password } = await db.role()
  await db.query(`grant create on database ${db.name} to ${user}; revoke create on schema public from public`)
  const { exitCode, stderr } = await db.up([], { ...on, UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain('may not make public._prisma_migrations, which UPFRONT_WRITE_BACK asks for')
  expect(stderr).toContain(`grant create on schema public to "${user}";`)
  expect(await db.tables()).toEqual([])
})

test('a role that may only read it: exit 24, and nothing has run or been taken over', async ({ db }) => {
  db.files(prisma.files)
  await db.query(`${users} ${prisma.history}`)
  const { exitCode, stderr } = await db.up(
    [],
    await ownSchema(db, (user) => `grant select on _prisma_migrations to ${user}`),
  )
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain('may not write into public._prisma_migrations, which UPFRONT_WRITE_BACK asks for')
  expect(await db.history()).toEqual([])
})

test('a role that may not number its rows is told the same before anything runs', async ({ db }) => {
  const { files, history, names } = toolFolders['drizzle with a journal']!
  db.files(files)
  await db.query(`${users} ${history}`)
  const env = await ownSchema(
    db,
    (user) =>
      `grant usage on schema drizzle to ${user}; grant select, insert on drizzle.__drizzle_migrations to ${user}`,
  )
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(24)
  const grant = /grant usage on all sequences in schema drizzle to [^;]+;/.exec(stderr)?.[0]
  await db.query(grant!)
  expect((await db.up([], env)).applied).toEqual([names[1]])
})
