import pg from 'pg'
import { expect, vi } from 'vitest'
import { createTestDatabase, dropTestDatabases, status } from '../../src/index.ts'
import { test, until } from '../support/database.ts'
import { ask, exists, failure, options, ourNames, templates, worker } from '../support/test-databases.ts'

// Each of them makes several databases, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 })

const files = { '001_a.sql': 'create table a (id int primary key)', '002_b.sql': 'create table b (id int)' }

test('drop leaves nothing, waits for a pool that is ending, ends who stays, and can be called twice', async ({
  db,
}) => {
  db.files(files)
  const made = await createTestDatabase(options(db))
  const errors: unknown[] = []
  const pool = new pg.Pool({ connectionString: made.url }).on('error', (error) => errors.push(error))
  await Promise.all(Array.from({ length: 5 }, () => pool.query('select pg_sleep(0.05)')))
  await pool.end()
  await made.drop()
  await made.drop()
  expect(errors).toEqual([])
  expect(await exists(db, made.name)).toBe(false)

  const other = await createTestDatabase(options(db))
  const staying = await db.connect(other.url)
  await other[Symbol.asyncDispose]()
  expect(await exists(db, other.name)).toBe(false)
  await expect(staying.query('select')).rejects.toThrow()
})

test('processes that begin at once share one template, which is migrated once', async ({ db }) => {
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(1)' })
  const names = (await Promise.all([1, 2, 3, 4].map(() => worker(db, 3).names))).flat()
  expect(new Set(names).size).toBe(12)
  expect(await templates(db)).toHaveLength(1)
  // More than one run in it would be more than one that migrated.
  const runs = await ask(db.urlOf({ database: names[11]! }), 'select count(*)::int as runs from upfront.runs')
  expect(runs).toEqual([{ runs: 1 }])
  await dropTestDatabases(options(db))
})

test('what a killed process has left half made is noticed, and made anew', async ({ db }) => {
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(3)' })
  const { child, names } = worker(db)
  const half = async () =>
    (await db.query<{ name: string }>(`select datname as name from pg_stat_activity
      where query like '%pg_sleep(3)%' and datname like 'upfront_template%' and wait_event = 'PgSleep'`)) // prettier-ignore
  await until(async () => (await half()).length > 0, 'the third migration ran', 60_000)
  const [{ name } = { name: '' }] = await half()
  child.kill('SIGKILL')
  expect(await names).toEqual([])
  expect(await exists(db, name)).toBe(true)
  expect(await templates(db)).toEqual([])

  await using made = await createTestDatabase(options(db))
  expect(await templates(db)).toEqual([name])
  expect(await status({ ...options(db), databaseUrl: made.url })).toMatchObject({ state: 'up_to_date' })
})

test('a process killed at any moment leaves nothing that dropTestDatabases would not drop', async ({ db }) => {
  db.files(files)
  await (await createTestDatabase(options(db))).drop()
  const before = new Set(await ourNames(db))
  for (const afterMs of [0, 30, 60, 90, 120, 180]) {
    const { child } = worker(db)
    const isCreating = async () =>
      (await db.query(`select from pg_stat_activity where query like 'create database %' and datname = '${db.name}'`))
        .length > 0
    await until(async () => (await isCreating()) || child.exitCode !== null, 'it creates', 60_000)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    child.kill('SIGKILL')
    await until(async () => !(await isCreating()), 'the server is done with it', 60_000)
  }
  // What its sessions had in hand.
  await until(
    async () => (await db.query(`select from pg_stat_activity where application_name like 'upfront/%' and datname = '${db.name}'`)).length === 0, // prettier-ignore
    'its sessions are gone',
  )
  const dropped = await dropTestDatabases(options(db))
  expect(dropped.length).toBeGreaterThan(1)
  // Other test files have theirs.
  const unmarked = (await ourNames(db, 'unmarked')).filter((name) => !before.has(name))
  expect(unmarked).toEqual([])
})

test('half a template of a killed run is dropped, and one that somebody is making is not', async ({ db }) => {
  db.files({ '001_slow.sql': 'select pg_sleep(62)' })
  const { child, names } = worker(db)
  const sleeping = `select datname as name from pg_stat_activity where query like '%pg_sleep(62)%' and wait_event = 'PgSleep'`
  await until(async () => (await db.query(sleeping)).length > 0, 'it migrates', 60_000)
  const [{ name }] = (await db.query(sleeping)) as [{ name: string }]
  expect(await dropTestDatabases(options(db))).toEqual([])
  child.kill('SIGKILL')
  await names
  await until(async () => (await db.query(sleeping)).length === 0, 'its session is gone', 60_000)
  await until(async () => (await dropTestDatabases(options(db))).includes(name), 'its lock is gone', 60_000)
  expect(await exists(db, name)).toBe(false)
})

test('a listener that throws leaves no database', async ({ db }) => {
  db.files(files)
  const throwing = () => {
    throw new Error('mine')
  }
  await expect(createTestDatabase({ ...options(db), onEvent: throwing })).rejects.toThrow('mine')
  expect(await dropTestDatabases(options(db))).toEqual([expect.stringMatching(/^upfront_template_/)])
})

test('a session that may not be ended is named when it keeps a database, which can be dropped later', async ({
  db,
}) => {
  db.files(files)
  const role = await db.role('login createdb')
  const made = await createTestDatabase({ ...options(db), databaseUrl: db.urlOf(role) })
  const staying = await db.connect(db.urlOf({ database: made.name }))
  const denied = await failure(made.drop())
  expect(denied).toMatchObject({ code: 'DENIED', facts: { sqlstate: '42501' } })
  expect(denied.message).toContain(made.name)
  expect(denied.facts.next).toMatch(/postgres .*\(pid \d+\)/)
  await staying.end()
  await made.drop()
  expect(await exists(db, made.name)).toBe(false)
  await dropTestDatabases({ ...options(db), databaseUrl: db.urlOf(role) })
})

test('several that drop all at once fail none of them', async ({ db }) => {
  for (const one of ['1', '2', '3']) {
    db.files({ '001_a.sql': `create table a${one} ()` })
    await createTestDatabase(options(db))
  }
  const all = await Promise.all([1, 2, 3, 4].map(() => dropTestDatabases(options(db))))
  expect(new Set(all.flat()).size).toBe(6)
})

test('a changed migration makes another template, and one that nobody has used for a day goes', async ({ db }) => {
  db.files({ '001_a.sql': files['001_a.sql'] })
  const kept = await createTestDatabase(options(db))
  const left = await createTestDatabase(options(db))
  const [first] = await templates(db)
  db.files(files)
  await (await createTestDatabase(options(db))).drop()
  expect(await templates(db)).toHaveLength(2)

  // As if two days had passed for all of them.
  await db.query(`do $$ declare d record; begin
    for d in select datname, shobj_description(oid, 'pg_database') as text from pg_database
      where shobj_description(oid, 'pg_database') like '%"from":"${db.name}"%' loop
      execute format('comment on database %I is %L', d.datname, regexp_replace(d.text, '"used":\\d+', '"used":1'));
    end loop; end $$`)
  const staying = await db.connect(kept.url)
  db.files({ ...files, '003_c.sql': 'create table c ()' })
  await using newest = await createTestDatabase(options(db))
  expect(await templates(db)).not.toContain(first)
  expect(await templates(db)).toHaveLength(1)
  expect(await exists(db, kept.name)).toBe(true)
  expect(await exists(db, left.name)).toBe(false)
  expect(await exists(db, newest.name)).toBe(true)
  await staying.end()
  await kept.drop()
})

test('what killed runs have left goes after a day, though the migrations stay the same', async ({ db }) => {
  db.files(files)
  const left = await createTestDatabase(options(db))
  await db.query(`do $$ declare d record; begin
    for d in select datname, shobj_description(oid, 'pg_database') as text from pg_database
      where shobj_description(oid, 'pg_database') like '%"from":"${db.name}"%' loop
      execute format('comment on database %I is %L', d.datname, regexp_replace(d.text, '"used":\\d+', '"used":1'));
    end loop; end $$`)
  const [template] = await templates(db)
  await using made = await createTestDatabase(options(db))
  expect(await exists(db, left.name)).toBe(false)
  expect(await exists(db, made.name)).toBe(true)
  expect(await templates(db)).toEqual([template])
})

test('a template that was dropped by hand is made again', async ({ db }) => {
  db.files(files)
  await (await createTestDatabase(options(db))).drop()
  expect(await dropTestDatabases(options(db))).toEqual([expect.stringMatching(/^upfront_template_[0-9a-f]{20}$/)])
  await using made = await createTestDatabase(options(db))
  expect(await ask(made.url, 'select from b')).toEqual([])
})

test('dropTestDatabases leaves what is in use, and what only has such a name', async ({ db }) => {
  db.files(files)
  const [used, left] = [await createTestDatabase(options(db)), await createTestDatabase(options(db))]
  const strange = 'upfront_test_01234567_0123456789abcdef'
  await db.query(`create database ${strange}`)
  const client = await db.connect(used.url)
  try {
    const dropped = await dropTestDatabases(options(db))
    expect(dropped).toEqual([...dropped].sort())
    expect(dropped).toHaveLength(2)
    expect(dropped).toContain(left.name)
    expect(await exists(db, used.name)).toBe(true)
    expect(await exists(db, strange)).toBe(true)
  } finally {
    await client.end()
    await used.drop()
    await db.query(`drop database ${strange}`)
  }
})

test('a signal stops it while it migrates, and nothing of it is left', async ({ db }) => {
  db.files({ '001_slow.sql': 'select pg_sleep(61)' })
  const controller = new AbortController()
  const running = failure(createTestDatabase({ ...options(db), signal: controller.signal }))
  const sleeping = `select from pg_stat_activity where query like '%pg_sleep(61)%' and wait_event = 'PgSleep'`
  await until(async () => (await db.query(sleeping)).length > 0, 'it migrates', 60_000)
  controller.abort()
  expect(await running).toMatchObject({ code: 'INTERRUPTED_TERM' })
  expect(await db.query(sleeping)).toEqual([])
  await until(
    async () => (await db.query(`select from pg_stat_activity where application_name like 'upfront/%' and datname = '${db.name}'`)).length === 0, // prettier-ignore
    'its sessions are gone',
  )
})
