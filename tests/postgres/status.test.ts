import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const a = { '001_a.sql': 'create table a (id int)' }
const b = { '002_b.sql': 'create table b (id int)' }
const c = { '003_c.sql': 'create table c (id int)' }

async function json(db: Database, args: readonly string[] = []) {
  const { exitCode, stdout } = await db.run(['status', '--json', ...args])
  const answer = JSON.parse(stdout) as {
    state: string
    migrations: { name: string; state: string }[]
    seeds: unknown[]
  }
  return { exitCode, ...answer, rows: answer.migrations.map(({ name, state }) => `${name} ${state}`) }
}

const exitCode = async (db: Database, ...args: string[]) => (await db.run(['status', '--exit-code', ...args])).exitCode

test('before anything was done, everything is pending, and asking writes nothing', async ({ db }) => {
  db.files({ ...a, ...b })
  const { exitCode: code, stdout } = await db.run(['status'])
  expect(code).toBe(0)
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    expect.stringMatching(/^state {4}name {3}/),
    'pending  001_a',
    'pending  002_b',
    '2 pending',
    '',
  ])
  expect(await json(db)).toMatchObject({ exitCode: 0, state: 'pending', rows: ['001_a pending', '002_b pending'] })
  expect(await exitCode(db)).toBe(34)
  expect(await db.history()).toBeNull()
})

test('after up everything is applied, with when and how long', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  const { stdout } = await db.run(['status'])
  expect(stdout).toMatch(/^applied {2}001_a {2}20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {2}\d+ ms$/m)
  expect(stdout).toContain('\n2 applied\n')
  const { migrations, ...rest } = await json(db)
  expect(rest).toMatchObject({ exitCode: 0, state: 'up_to_date', rows: ['001_a applied', '002_b applied'], seeds: [] })
  expect(migrations[0]).toEqual({
    name: '001_a',
    state: 'applied',
    by: 'upfront',
    applied_at: expect.any(String),
    duration_ms: expect.any(Number),
  })
  expect(await exitCode(db)).toBe(0)
})

test('stdout is the answer and nothing else, whatever the log says', async ({ db }) => {
  db.files(a)
  const { stdout, stderr } = await db.run(['status', '--json', '--log-level', 'debug', '--log-format', 'json'])
  expect(JSON.parse(stdout)).toMatchObject({ state: 'pending', bundle: expect.stringMatching(/^v1:sha256:/) })
  for (const line of stderr.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
})

test('something pending: exit 34 when the exit code was asked for, else 0', async ({ db }) => {
  db.files(a)
  await db.up()
  db.files({ ...a, ...b })
  expect(await exitCode(db)).toBe(34)
  expect((await db.run(['status'])).exitCode).toBe(0)
  expect((await json(db)).rows).toEqual(['001_a applied', '002_b pending'])
})

test('changed, missing and out of order: exit 21, each by its name', async ({ db }) => {
  db.files({ ...a, ...b, '005_e.sql': 'select 5' })
  await db.up()
  db.files({ '001_a.sql': 'create table a (id text)', ...c, '005_e.sql': 'select 5' })
  expect(await json(db)).toMatchObject({
    state: 'mismatch',
    rows: ['001_a changed', '003_c out_of_order', '005_e applied', '002_b missing'],
  })
  expect(await exitCode(db)).toBe(21)
  expect((await db.run(['status'])).stdout).toMatch(/^out of order {2}003_c$/m)
})

test('out of order that is allowed is pending', async ({ db }) => {
  db.files({ ...a, ...c })
  await db.up()
  db.files({ ...a, ...b, ...c })
  expect(await exitCode(db)).toBe(21)
  expect(await exitCode(db, '--out-of-order', 'apply')).toBe(34)
})

test('ahead is fine: exit 0, and shown', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files(a)
  expect(await json(db)).toMatchObject({ state: 'up_to_date', rows: ['001_a applied', '002_b ahead'] })
  expect(await exitCode(db)).toBe(0)
})

test('a baseline is shown as one', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.run(['baseline', '--to', '001_a'])
  expect((await json(db)).rows).toEqual(['001_a baseline', '002_b pending'])
})

test('seeds are shown when an environment is set', async ({ db }) => {
  db.files(a)
  db.seeds({ '010_a.sql': 'select 1', 'demo/020_b.sql': 'select 2' })
  expect((await json(db)).seeds).toEqual([])
  expect(await exitCode(db, '--seed', 'demo')).toBe(34)
  await db.up(['--seed', 'demo'])
  expect((await json(db, ['--seed', 'demo'])).seeds).toMatchObject([
    { name: '010_a.sql', state: 'applied' },
    { name: 'demo/020_b.sql', state: 'applied' },
  ])
  expect((await db.run(['status', '--seed', 'demo'])).stdout).toContain('seed demo/020_b.sql')
  db.seeds({ '010_a.sql': 'select 1', 'demo/020_b.sql': 'select 3' })
  expect((await json(db, ['--seed', 'demo'])).seeds).toMatchObject([{ state: 'applied' }, { state: 'pending' }])
  expect(await exitCode(db, '--seed', 'demo')).toBe(34)
})

test('a failed migration is pending again', async ({ db }) => {
  db.files({ ...a, '002_b.sql': 'select 1 / 0' })
  await db.up()
  expect((await json(db)).rows).toEqual(['001_a applied', '002_b pending'])
})

test('a file that cannot be read and a missing folder are exit 20 here too', async ({ db }) => {
  expect((await db.run(['status'])).exitCode).toBe(20)
  db.files({ '001_a.sql': Buffer.from([0xff, 0xfe, 0x41, 0x00]) })
  const { exitCode: code, stdout, stderr } = await db.run(['status', '--json'])
  expect(code).toBe(20)
  expect(stdout).toBe('')
  expect(stderr).toContain('001_a.sql:1:1')
})

test('what is in a file is not judged here', async ({ db }) => {
  db.files({ '001_a.sql': 'creat' })
  expect((await json(db)).rows).toEqual(['001_a pending'])
})

test('status waits for the server as up does, and does not care who holds the lock', async ({ db }) => {
  db.files(a)
  const { lockKey } = await import('../../src/postgres/lock-key.ts')
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await json(db)).state).toBe('pending')
  const never = { UPFRONT_DATABASE_URL: db.urlOf({ port: 1 }), UPFRONT_WAIT_TIMEOUT: '200ms' }
  expect((await db.run(['status'], never)).exitCode).toBe(30)
})

test('the lock is not taken and nothing is written while an up is at work', async ({ db }) => {
  db.files({ ...a, '002_slow.sql': 'select pg_sleep(0.5)' })
  const [up, status] = await Promise.all([db.up(), db.run(['status'])])
  expect([up.exitCode, status.exitCode]).toEqual([0, 0])
})
