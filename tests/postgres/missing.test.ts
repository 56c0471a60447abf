import { expect } from 'vitest'
import { test } from '../support/database.ts'

const a = { '0001_a.sql': 'create table a (id int)' }
const b = { '0002_b.sql': 'create table b (id int)' }
const c = { '0003_c.sql': 'create table c (id int)' }
const ignore = { UPFRONT_MISSING: 'ignore' }

test('UPFRONT_MISSING=ignore goes on past what was squashed, says so once, and status, plan and wait agree', async ({
  db,
}) => {
  db.files({ ...a, ...b, ...c })
  db.seeds({ '010_rows.sql': 'select 1' })
  await db.up()
  db.files({ ...c, '0004_d.sql': 'create table d (id int)' })
  for (const args of [['up'], ['plan'], ['seed', '--seed', 'test']]) expect((await db.run(args)).exitCode).toBe(21)
  expect((await db.run(['status', '--exit-code'])).exitCode).toBe(21)

  expect((await db.run(['plan'], ignore)).stdout).toContain('-- migration 0004_d')
  expect((await db.run(['status', '--exit-code'], ignore)).exitCode).toBe(34)
  const { exitCode, stderr, applied } = await db.up([], ignore)
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['0004_d'])
  const said = '2 migrations of the history have no file, ignored as UPFRONT_MISSING says: 0001_a, 0002_b'
  expect(stderr.split(said)).toHaveLength(2)

  const status = await db.run(['status', '--json', '--exit-code'], ignore)
  expect(status.exitCode).toBe(0)
  expect(JSON.parse(status.stdout)).toMatchObject({
    state: 'up_to_date',
    migrations: expect.arrayContaining([expect.objectContaining({ name: '0001_a', state: 'ignored' })]),
  })
  expect((await db.run(['wait'], ignore)).exitCode).toBe(0)
  expect((await db.up([], ignore)).stderr).toContain('up to date     2 migrations\n')
})

test('a database that is ahead is ahead, whether or not missing ones are ignored', async ({ db }) => {
  db.files({ ...a, ...b, ...c })
  await db.up()
  db.files(b)
  const { exitCode, stderr } = await db.up([], ignore)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('ignored as UPFRONT_MISSING says: 0001_a\n')
  expect(stderr).toContain('ahead          the database has 1 migration that this image has not: 0003_c\n')
})

test('up --seed on a database that is ahead says that the seeds were not run', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files(a)
  db.seeds({ '010_rows.sql': 'insert into a values (1)', 'test/020_more.sql': 'insert into a values (2)' })
  const { exitCode, stderr, seeded } = await db.up(['--seed', 'test'])
  expect(exitCode).toBe(0)
  expect(seeded).toEqual([])
  expect(stderr).toContain(
    'the seeds for test were not run, because the database is ahead of this image: 010_rows.sql, test/020_more.sql\n',
  )
  expect((await db.run(['plan', '--seed', 'test'])).stdout).not.toContain('seed 010_rows')
  // Seeds that have run leave nothing to say.
  db.files({ ...a, ...b })
  await db.up(['--seed', 'test'])
  db.files(a)
  expect((await db.up(['--seed', 'test'])).stderr).not.toContain('were not run')
})
