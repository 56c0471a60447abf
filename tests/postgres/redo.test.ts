import { expect } from 'vitest'
import { test } from '../support/database.ts'

const development = { UPFRONT_ENV: 'development' }
const files = {
  '001_a.sql': 'create table a (id int)',
  '001_a.down.sql': 'drop table a',
  '002_b.sql': 'create table b (id int)',
  '002_b.down.sql': 'drop table b',
}

test('redo takes the newest one back and applies it again', async ({ db }) => {
  db.files(files)
  await db.up([], development)
  await db.query('insert into b values (1)')

  const { exitCode, stderr } = await db.run(['redo'], development)

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/reverted {7}002_b[^]*applied {8}002_b/)
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^done {11}1 migration taken back, 1 migration applied in /)
  expect(await db.query('select id from b')).toEqual([])
  expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_b applied'])
  expect((await db.up([], development)).stderr).toContain('up to date')
})

test('redo takes an edited file, which is what it is for', async ({ db }) => {
  db.files(files)
  await db.up([], development)
  db.files({ ...files, '002_b.sql': 'create table b (id int, name text)' })

  expect((await db.up([], development)).exitCode).toBe(21)
  const { exitCode, stderr } = await db.run(['redo'], development)

  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select id, name from b')).toEqual([])
  expect((await db.up([], development)).exitCode).toBe(0)
})

test('redo without a down is refused, nothing changes', async ({ db }) => {
  const { '002_b.down.sql': _, ...without } = files
  db.files(without)
  await db.up([], development)
  expect((await db.run(['redo'])).exitCode).toBe(28)
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('redo of what a newer image has applied is refused before anything is taken back', async ({ db }) => {
  db.files(files)
  await db.up([], development)
  db.files({ '001_a.sql': files['001_a.sql'], '001_a.down.sql': files['001_a.down.sql'] })
  const { exitCode, stderr } = await db.run(['redo'])
  expect(exitCode).toBe(21)
  expect(stderr).toContain('002_b, which this bundle does not have')
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('a redo whose second half fails says so, and the next up tries again', async ({ db }) => {
  db.files(files)
  await db.up([], development)
  db.files({ ...files, '002_b.sql': 'create table b (id nosuchtype)' })

  const { exitCode, stderr } = await db.run(['redo'])

  expect(exitCode).toBe(22)
  expect(stderr).toContain('migration 002_b failed and was rolled back')
  expect(await db.tables()).toEqual(['public.a'])
  expect(await db.history()).toEqual(['migration 001_a applied'])
  db.files(files)
  expect((await db.up([], development)).applied).toEqual(['002_b'])
})

test('redo needs consent on a database marked production', async ({ db }) => {
  db.files(files)
  await db.up()
  expect((await db.run(['redo'])).exitCode).toBe(28)
  expect((await db.run(['redo', '--yes-destroy', db.name])).exitCode).toBe(0)
  expect((await db.run(['redo'])).exitCode).toBe(28)
})

test('redo keeps the mark of a development database', async ({ db }) => {
  db.files(files)
  await db.up([], development)
  // Without a word of the environment: what the database is does not change by that.
  expect((await db.run(['redo'])).exitCode).toBe(0)
  expect((await db.run(['redo'])).exitCode).toBe(0)
})

test('redo on an empty database has nothing to do', async ({ db }) => {
  db.files(files)
  const { exitCode, stderr } = await db.run(['redo'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.history()).toBeNull()
})
