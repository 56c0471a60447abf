import { expect } from 'vitest'
import { test } from '../support/database.ts'

const files = {
  '0001_a.sql': 'create table a (id int)',
  '0002_b.sql': 'create table b (id int)',
  '0003_c.sql': 'create table c (id int)',
}

test('up --to applies up to and including that migration, and a later up does the rest', async ({ db }) => {
  db.files(files)
  const first = await db.up(['--to', '0002_b'])
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.applied).toEqual(['0001_a', '0002_b'])
  expect(first.stderr).toContain('held back      1 migration still pending: 0003_c\n')

  const again = await db.up(['--to', '0002_b.sql'])
  expect(again.exitCode).toBe(0)
  expect(again.applied).toEqual([])
  expect(again.stderr).toContain('up to date     2 migrations\n')
  expect(await db.query('select command, bundle, outcome from upfront.runs')).toEqual([
    { command: 'up', bundle: null, outcome: 'done' },
  ])

  const rest = await db.up()
  expect(rest.applied).toEqual(['0003_c'])
  expect((await db.up(['--to', '0001_a'])).stderr).toContain('up to date     3 migrations\n')
})

test('seeds wait until nothing is held back, and up --to says so', async ({ db }) => {
  db.files(files)
  db.seeds({ '010_rows.sql': 'insert into a values (1)' })
  const first = await db.up(['--to', '0002_b', '--seed', 'test'])
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.seeded).toEqual([])
  expect(first.stderr).toContain('the seeds for test were not run, because migrations are held back: 010_rows.sql')
  const rest = await db.up(['--to', '0003_c', '--seed', 'test'])
  expect(rest.applied).toEqual(['0003_c'])
  expect(rest.seeded).toEqual(['010_rows.sql'])
  expect(rest.stderr).not.toContain('held back')
})

test('up --to a name that there is not: exit 2 with the nearest, before anything is contacted', async ({ db }) => {
  db.files(files)
  const nowhere = { UPFRONT_DATABASE_URL: 'postgres://app@127.0.0.1:1/none' }
  for (const command of ['up', 'plan']) {
    const { exitCode, stderr } = await db.run([command, '--to', '0002_v'], nowhere)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Did you mean 0002_b?')
  }
})

test('plan --to and up --dry-run --to show what up --to would run', async ({ db }) => {
  db.files(files)
  for (const args of [['plan'], ['up', '--dry-run']]) {
    const { stdout } = await db.run([...args, '--to', '0002_b'])
    expect(stdout).toContain('-- migration 0002_b')
    expect(stdout).not.toContain('create table c')
    expect(stdout).toContain('-- held back: 0003_c')
  }
  const { stdout } = await db.run(['plan', '--to', '0001_a', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ pending: [{ name: '0001_a' }], held_back: ['0002_b', '0003_c'] })
})
