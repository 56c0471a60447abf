import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const migrations = { '001_ledger.sql': 'create table ledger (seed text, n int generated always as identity)' }
const add = (name: string) => `insert into ledger (seed) values ('${name}')`

async function ledger(db: Database) {
  const rows = await db.query<{ seed: string }>('select seed from ledger order by n')
  return rows.map(({ seed }) => seed)
}

test('no seeds run unless they are asked for', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('a'), 'demo/020_b.sql': add('b') })
  const { exitCode, seeded } = await db.up()
  expect(exitCode).toBe(0)
  expect(seeded).toEqual([])
  expect(await ledger(db)).toEqual([])
})

test('seeds run after the migrations: those of the folder, then those of the environment, in natural order', async ({
  db,
}) => {
  db.files(migrations)
  db.seeds({
    '2_b.sql': add('b'),
    '10_c.sql': add('c'),
    '1_a.sql': add('a'),
    'demo/1_d.sql': add('d'),
    'production/1_never.sql': add('never'),
    'README.md': 'no seed',
    '.hidden.sql': 'no seed',
  })

  const { exitCode, applied, seeded, stderr } = await db.up(['--seed', 'demo'])

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['001_ledger'])
  expect(seeded).toEqual(['1_a.sql', '2_b.sql', '10_c.sql', 'demo/1_d.sql'])
  expect(stderr).toContain('done           1 migration and 4 seeds applied in')
  expect(await ledger(db)).toEqual(['a', 'b', 'c', 'd'])
  expect(await db.history()).toEqual([
    'migration 001_ledger applied',
    'seed 1_a.sql applied',
    'seed 2_b.sql applied',
    'seed 10_c.sql applied',
    'seed demo/1_d.sql applied',
  ])
})

test('unchanged seeds do not run again, a changed one does, and only that', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('a'), '020_b.sql': add('b') })
  await db.up(['--seed', 'demo'])

  const second = await db.up(['--seed', 'demo'])
  expect(second.exitCode).toBe(0)
  expect(second.stderr).toContain('up to date     1 migration and the seeds for demo')

  db.seeds({ '010_a.sql': add('a'), '020_b.sql': add('b, second edition') })
  const third = await db.up(['--seed', 'demo'])
  expect(third.exitCode).toBe(0)
  expect(third.seeded).toEqual(['020_b.sql'])
  expect(await ledger(db)).toEqual(['a', 'b', 'b, second edition'])
  expect(await db.history()).toEqual([
    'migration 001_ledger applied',
    'seed 010_a.sql applied',
    'seed 020_b.sql applied',
  ])
  expect((await db.up(['--seed', 'demo'])).stderr).toContain('up to date')
})

test('a seed changed back runs again: what counts is what ran last', async ({ db }) => {
  db.files(migrations)
  for (const text of ['one', 'two', 'one']) {
    db.seeds({ '010_a.sql': add(text) })
    expect((await db.up(['--seed', 'demo'])).seeded).toEqual(['010_a.sql'])
  }
  expect(await ledger(db)).toEqual(['one', 'two', 'one'])
})

test('a seed with a byte order mark or CRLF is unchanged', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': `${add('a')};\n` })
  await db.up(['--seed', 'demo'])
  db.seeds({ '010_a.sql': `\ufeff${add('a')};\r\n` })
  expect((await db.up(['--seed', 'demo'])).stderr).toContain('up to date')
})

test('the folder of the environment may be missing', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('a') })
  const { exitCode, seeded } = await db.up(['--seed', 'nowhere'])
  expect(exitCode).toBe(0)
  expect(seeded).toEqual(['010_a.sql'])
})

test('two environments on one database: the common seeds run once, each its own', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('a'), 'demo/020_b.sql': add('demo'), 'test/020_b.sql': add('test') })

  expect((await db.up(['--seed', 'demo'])).seeded).toEqual(['010_a.sql', 'demo/020_b.sql'])
  expect((await db.up(['--seed', 'test'])).seeded).toEqual(['test/020_b.sql'])
  expect((await db.up(['--seed', 'demo'])).stderr).toContain('up to date     1 migration and the seeds for demo')
  expect((await db.up(['--seed', 'test'])).stderr).toContain('up to date     1 migration and the seeds for test')

  expect(await ledger(db)).toEqual(['a', 'demo', 'test'])
})

test('seeds asked for later run later, without a pending migration', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('a') })
  await db.up()
  const { exitCode, applied, seeded, stderr } = await db.up([], { UPFRONT_SEED: 'demo' })
  expect(exitCode).toBe(0)
  expect(applied).toEqual([])
  expect(seeded).toEqual(['010_a.sql'])
  expect(stderr).toContain('done           1 seed applied in')
})

test('a seed that fails: exit 26, the schema and the seeds before it are kept, nothing of it is', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('a'), '020_b.sql': `${add('half')};\nselect 1 / 0;`, '030_c.sql': add('c') })

  const { exitCode, applied, seeded, stderr } = await db.up(['--seed', 'demo'])

  expect(exitCode).toBe(26)
  expect(applied).toEqual(['001_ledger'])
  expect(seeded).toEqual(['010_a.sql'])
  expect(stderr).toContain(
    'seed 020_b.sql failed and was rolled back; the schema is as it should be (SEED_FAILED, exit 26)',
  )
  expect(stderr).toContain('seeds/020_b.sql:2:1')
  expect(stderr).toContain('not run: 030_c.sql')
  expect(await ledger(db)).toEqual(['a'])
  expect(await db.history()).toEqual(['migration 001_ledger applied', 'seed 010_a.sql applied'])

  db.seeds({ '010_a.sql': add('a'), '020_b.sql': add('b'), '030_c.sql': add('c') })
  expect((await db.up(['--seed', 'demo'])).seeded).toEqual(['020_b.sql', '030_c.sql'])
  expect(await ledger(db)).toEqual(['a', 'b', 'c'])
})

test('a changed seed that fails keeps its earlier record, and runs again when mended', async ({ db }) => {
  db.files(migrations)
  db.seeds({ '010_a.sql': add('one') })
  await db.up(['--seed', 'demo'])
  const before = await db.query(`select name, checksum, state from upfront.history where kind = 'seed'`)

  db.seeds({ '010_a.sql': 'select 1 / 0' })
  expect((await db.up(['--seed', 'demo'])).exitCode).toBe(26)
  expect(await db.query(`select name, checksum, state from upfront.history where kind = 'seed'`)).toEqual(before)

  db.seeds({ '010_a.sql': add('two') })
  expect((await db.up(['--seed', 'demo'])).seeded).toEqual(['010_a.sql'])
  expect(await ledger(db)).toEqual(['one', 'two'])
})

test('a migration that fails lets no seed run', async ({ db }) => {
  db.files({ ...migrations, '002_bad.sql': 'select 1 / 0' })
  db.seeds({ '010_a.sql': add('a') })
  const { exitCode, seeded, stderr } = await db.up(['--seed', 'demo'])
  expect(exitCode).toBe(22)
  expect(seeded).toEqual([])
  expect(stderr).toContain('not run: 010_a.sql')
})

test('a seed and a migration of one name do not get in each other’s way', async ({ db }) => {
  db.files({ ...migrations, '010_a.sql': 'create table a (id int)' })
  db.seeds({ '010_a.sql': add('a') })
  expect((await db.up(['--seed', 'demo'])).exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.a', 'public.ledger'])
  expect(await ledger(db)).toEqual(['a'])
})

test('an empty seeds folder is fine', async ({ db }) => {
  db.files(migrations)
  db.seeds({})
  expect((await db.up(['--seed', 'demo'])).exitCode).toBe(0)
  expect((await db.up(['--seed', 'demo'])).stderr).toContain('up to date')
})
