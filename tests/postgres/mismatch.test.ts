import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const a = { '001_a.sql': 'create table a (id int)' }
const b = { '002_b.sql': 'create table b (id int)' }
const c = { '003_c.sql': 'create table c (id int)' }

/** Runs up, which must refuse and leave everything as it was. */
async function refuse(db: Database, env: Record<string, string> = {}) {
  const before = await stateOf(db)
  const { exitCode, stderr, applied } = await db.up([], env)
  expect(exitCode, stderr).toBe(21)
  expect(applied).toEqual([])
  expect(stderr).toContain('MISMATCH')
  expect(await stateOf(db)).toEqual(before)
  return stderr
}

async function stateOf(db: Database) {
  const recorded = (await db.history()) !== null
  return {
    tables: await db.tables(),
    history: recorded && (await db.query('select * from upfront.history order by id')),
    runs: recorded && (await db.query('select * from upfront.runs order by id')),
    left: await db.leftovers(),
  }
}

test('a migration that was changed after it was applied: refused, named, told what to do', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files({ ...a, '002_b.sql': 'create table b (id bigint)', ...c })

  const stderr = await refuse(db)

  expect(stderr).toContain('- 002_b: the file was changed after it was applied\n')
  expect(stderr).not.toContain('- 001_a')
  expect(stderr).toContain('next: Restore the changed files and put the change into a new migration.')
})

test('a change of the down part alone is no change', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int);\n-- upfront:down\ndrop table a' })
  await db.up()
  db.files({ '001_a.sql': 'create table a (id int);\n-- upfront:down\ndrop table if exists a' })
  expect((await db.up()).exitCode).toBe(0)
})

test('a file that is gone is missing, though a later one is there', async ({ db }) => {
  db.files({ ...a, ...b, ...c })
  await db.up()
  db.files({ ...a, ...c })
  const stderr = await refuse(db)
  expect(stderr).toContain('- 002_b: applied, but this bundle has no such file\n')
  expect(stderr).toContain('next: Restore the missing files')
})

test('the last file gone and a new one there: missing as well, not ahead', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files({ ...a, ...c })
  expect(await refuse(db)).toContain('- 002_b: applied, but this bundle has no such file\n')
})

test('a file of another name with the same content was renamed', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files({ ...a, '002_better_name.sql': b['002_b.sql'] })
  const stderr = await refuse(db)
  expect(stderr).toContain('- 002_b: applied, but the file is gone; 002_better_name has the same content (renamed?)\n')
  expect(stderr).toContain('next: Give the renamed files their old names back.')
})

test('a new file that sorts before an applied one is out of order', async ({ db }) => {
  db.files({ ...a, ...c })
  await db.up()
  db.files({ ...a, ...b, ...c })
  const stderr = await refuse(db)
  expect(stderr).toContain('- 002_b: not applied, though a later one is\n')
  expect(stderr).toContain('UPFRONT_OUT_OF_ORDER=apply')
})

test('UPFRONT_OUT_OF_ORDER=apply applies it', async ({ db }) => {
  db.files({ ...a, ...c })
  await db.up()
  db.files({ ...a, ...b, ...c })

  const { exitCode, applied } = await db.up([], { UPFRONT_OUT_OF_ORDER: 'apply' })

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['002_b'])
  expect(await db.tables()).toEqual(['public.a', 'public.b', 'public.c'])
  // Once it is applied, nobody asks any more in which order it came.
  expect((await db.up()).stderr).toContain('up to date     3 migrations')
})

test('everything that does not match is told in one run', async ({ db }) => {
  db.files({ ...a, ...b, ...c, '005_e.sql': 'create table e (id int)' })
  await db.up()
  db.files({
    '001_a.sql': 'create table a (id text)',
    '002_bb.sql': b['002_b.sql'],
    '004_d.sql': 'select 1',
    '005_e.sql': 'create table e (id int)',
  })
  const stderr = await refuse(db)
  for (const name of [
    '- 001_a: the file was changed',
    '- 002_b: applied, but the file is gone; 002_bb has',
    '- 003_c: applied, but',
    '- 004_d: not applied',
  ]) {
    expect(stderr).toContain(name)
  }
})

test('a database ahead of the image is fine: a warning, no lock, nothing written', async ({ db }) => {
  db.files({ ...a, ...b, ...c })
  await db.up()
  db.files(a)
  const before = await stateOf(db)
  await using proxy = await startProxy(Number(new URL(db.url).port))

  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })

  expect(exitCode).toBe(0)
  expect(stderr).toContain('ahead          the database has 2 migrations that this image has not: 002_b, 003_c\n')
  expect(proxy.messages.filter(({ text }) => /advisory|insert|update|create/i.test(text))).toEqual([])
  expect(await stateOf(db)).toEqual(before)
})

test('a database ahead starts even while somebody holds the lock', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files(a)
  const { lockKey } = await import('../../src/postgres/lock-key.ts')
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await db.up()).exitCode).toBe(0)
})

test('a database that others have filled: refused with advice, which then works', async ({ db }) => {
  db.files({ ...a, ...b, ...c })
  await db.query('create table a (id int)')
  await db.query('create table b (id int)')

  const stderr = await refuse(db)
  expect(stderr).toContain('this database has no history of ours')
  expect(stderr).toContain('- a\n')
  expect(stderr).toContain('- b\n')
  expect(stderr).not.toContain('- c\n')
  expect(stderr).toContain('upfront baseline --to 002_b (the last one of which all tables are there')
  expect(await db.history()).toBeNull()

  const recorded = await db.run(['baseline', '--to', '002_b'])
  expect(recorded.exitCode).toBe(0)
  expect(recorded.stderr).toContain('baselined      001_a\n')
  expect(recorded.stderr).toMatch(/^done +2 migrations recorded in /m)
  expect(await db.history()).toEqual(['migration 001_a baseline', 'migration 002_b baseline'])

  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(['003_c'])
  expect((await db.up()).stderr).toContain('up to date     3 migrations')
})

test('relations are found as the migration would find them: in their schema, of any kind', async ({ db }) => {
  db.files({ '001_app.sql': 'create table app.users (id int); create view app."Odd View" as select 1' })
  await db.query('create table users (id int)')
  await db.query('create schema app')
  await db.query('create view app."Odd View" as select 1')
  expect(await refuse(db)).toContain('- app."Odd View"\n')
})

test("strangers' tables do not count", async ({ db }) => {
  db.files(a)
  await db.query('create table somebody_elses (id int)')
  await db.query('create schema other')
  await db.query('create table other.a (id int)')
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(['001_a'])
})

test('baseline without --to records every migration, and twice is no harm', async ({ db }) => {
  db.files({ ...a, ...b })
  expect((await db.run(['baseline'])).exitCode).toBe(0)
  expect((await db.run(['baseline'])).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 001_a baseline', 'migration 002_b baseline'])
  expect((await db.up()).stderr).toContain('up to date     2 migrations')
  expect(await db.tables()).toEqual([])
})

test('baseline --to takes the name as people have it, and a wrong one is exit 2 with the nearest', async ({ db }) => {
  db.files({ ...a, '002_bananas.sql': 'select 1' })
  const wrong = await db.run(['baseline', '--to', '002_banana'])
  expect(wrong.exitCode).toBe(2)
  expect(wrong.stderr).toContain('there is no migration 002_banana')
  expect(wrong.stderr).toContain('Did you mean 002_bananas?')
  expect(await db.history()).toBeNull()
  expect((await db.run(['baseline', '--to', '001_a.sql'])).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 001_a baseline'])
})

test('what stopped half way and was renamed is not called applied, and goes on under its old name', async ({ db }) => {
  const half = '-- upfront:no-transaction\ncreate table a (id int);\nselect 1 / 0;\ninsert into a values (1);'
  db.files({ '001_half.sql': half })
  expect((await db.up()).exitCode).toBe(23)
  db.files({ '002_half.sql': half })
  const stderr = await refuse(db)
  expect(stderr).toContain(
    '- 001_half: stopped half way, but the file is gone; 002_half has the same content (renamed?)\n',
  )
  expect(stderr).toContain('next: Give what stopped half way its old name back and start again.')
  expect(stderr).toContain(
    'when the rest of it was done by hand:\n    upfront repair --forget 001_half --reason "..."\n',
  )
})
