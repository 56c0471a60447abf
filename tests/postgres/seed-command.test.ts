import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { test } from '../support/database.ts'

const files = { '001_ledger.sql': 'create table ledger (seed text)' }
const add = (name: string) => `insert into ledger (seed) values ('${name}')`
const seeds = { '010_a.sql': add('a'), 'demo/020_b.sql': add('b'), 'test/020_c.sql': add('c') }

test('without an environment it is 2, and says how to name one', async ({ db }) => {
  db.files(files)
  db.seeds(seeds)
  await db.up()
  const { exitCode, stderr } = await db.run(['seed'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('--seed development, or UPFRONT_SEED=development')
  expect(await db.query('select from ledger')).toEqual([])
})

test('it applies the seeds of that environment, once', async ({ db }) => {
  db.files(files)
  db.seeds(seeds)
  await db.up()
  const first = await db.run(['seed', '--seed', 'demo'])
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.seeded).toEqual(['010_a.sql', 'demo/020_b.sql'])
  const second = await db.run(['seed'], { UPFRONT_SEED: 'demo' })
  expect(second.exitCode, second.stderr).toBe(0)
  expect(second.stderr).toContain('up to date     1 migration and the seeds for demo')
  expect(await db.query('select seed from ledger')).toEqual([{ seed: 'a' }, { seed: 'b' }])
  expect((await db.up(['--seed', 'demo'])).stderr).toContain('up to date')
})

test('it applies no migrations: 34 when some are pending', async ({ db }) => {
  db.files(files)
  db.seeds(seeds)
  const { exitCode, stderr } = await db.run(['seed', '--seed', 'demo'])
  expect(exitCode, stderr).toBe(34)
  expect(stderr).toContain('001_ledger')
  expect(stderr).toContain('upfront up --seed')
  expect(await db.history()).toBeNull()
})

test('a changed migration is 21, a failing seed 26', async ({ db }) => {
  db.files(files)
  db.seeds({ '010_a.sql': 'insert into nowhere values (1)' })
  await db.up()
  expect((await db.run(['seed', '--seed', 'demo'])).exitCode).toBe(26)
  db.files({ '001_ledger.sql': 'create table ledger (seed int)' })
  expect((await db.run(['seed', '--seed', 'demo'])).exitCode).toBe(21)
})

test('it waits for the lock', async ({ db }) => {
  db.files(files)
  db.seeds(seeds)
  await db.up()
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await db.run(['seed', '--seed', 'demo'], { UPFRONT_LOCK_WAIT: '300ms' })).exitCode).toBe(31)
})

test('a database that is ahead can be seeded', async ({ db }) => {
  db.files({ ...files, '002_later.sql': 'select 1' })
  db.seeds(seeds)
  await db.up()
  db.files(files)
  const { exitCode, stderr } = await db.run(['seed', '--seed', 'demo'])
  expect(exitCode, stderr).toBe(0)
})

test('it does not make a development database into a production one', async ({ db }) => {
  db.files({ ...files, '001_ledger.down.sql': 'drop table ledger' })
  db.seeds(seeds)
  await db.up([], { UPFRONT_ENV: 'development' })
  expect((await db.run(['seed', '--seed', 'demo'], { UPFRONT_ENV: 'development' })).exitCode).toBe(0)
  expect((await db.run(['down'])).exitCode).toBe(0)
})
