import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const a = { '0001_a.sql': 'create table a (id int);\n-- upfront:down\ndrop table a' }
const b = { '0002_b.sql': 'create table b (id int);\n-- upfront:down\ndrop table b' }
const development = { UPFRONT_ENV: 'development' }

async function isGuarded(db: Database) {
  const { exitCode, stderr } = await db.run(['down'], development)
  if (exitCode === 28) expect(stderr).toContain('is marked production; nothing was changed')
  else expect(exitCode, stderr).toBe(0)
  return exitCode === 28
}

test('a database whose runs all said development is not guarded', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up([], development)
  expect(await isGuarded(db)).toBe(false)
})

test('UPFRONT_ENV of one stray run does not take the production guard off', async ({ db }) => {
  db.files(a)
  await db.up()
  db.files({ ...a, ...b })
  await db.up([], development)
  expect(await isGuarded(db)).toBe(true)
})

test('a run that says nothing makes it production, and a repair takes that back by the command that 28 names', async ({
  db,
}) => {
  db.files(a)
  await db.up([], development)
  db.files({ ...a, ...b })
  await db.up()
  const refused = await db.run(['down'], development)
  expect(refused.exitCode).toBe(28)
  expect(refused.stderr).toContain('upfront repair --environment development --reason "..."')

  const repaired = await db.run(['repair', '--environment', 'development', '--reason', 'a copy for tests'])
  expect(repaired.exitCode, repaired.stderr).toBe(0)
  expect(await isGuarded(db)).toBe(false)

  // And it is production again with the next run that says nothing.
  await db.up()
  expect(await isGuarded(db)).toBe(true)
})

test('a repair of something else leaves the mark as it was', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up([], development)
  await db.run(['repair', '--forget', '0002_b', '--against-catalog', '--reason', 'a test'])
  expect(await isGuarded(db)).toBe(false)
  db.files({ ...a, '0003_c.sql': 'select 1' })
  await db.up()
  await db.run(['repair', '--forget', '0003_c', '--reason', 'a test'], development)
  expect(await isGuarded(db)).toBe(true)
})

test('a database can be marked production by hand', async ({ db }) => {
  db.files(a)
  await db.up([], development)
  await db.run(['repair', '--environment', 'production', '--reason', 'it goes live'])
  expect(await isGuarded(db)).toBe(true)
  expect((await db.run(['down', '--yes-destroy', db.name], development)).exitCode).toBe(0)
})

test('production is production however it is written, and nearly production is asked back', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up([], { UPFRONT_ENV: 'Production' })
  expect(await isGuarded(db)).toBe(true)
  const { exitCode, stderr } = await db.run(['repair', '--environment', 'prodution', '--reason', 'a test'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('upfront repair --environment production --reason "..."')
})
