import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import { expect, vi } from 'vitest'
import { type Event, Failure, createTestDatabase, dropTestDatabases, status } from '../../src/index.ts'
import { type Database, test, until } from '../support/database.ts'

// Each of them makes several databases, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 })

const files = { '001_a.sql': 'create table a (id int primary key)', '002_b.sql': 'create table b (id int)' }

function options(db: Database) {
  return { databaseUrl: db.url, migrationsDir: db.migrationsDir, seedsDir: db.seedsDir }
}

async function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** The templates that were made by way of this test's database. */
async function templates(db: Database): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select datname as name from pg_database where datname like 'upfront_template_%'
     and shobj_description(oid, 'pg_database') like '%"from":"${db.name}"%' order by oid`,
  )
  return rows.map(({ name }) => name)
}

async function exists(db: Database, name: string): Promise<boolean> {
  return (await db.query(`select from pg_database where datname = '${name}'`)).length > 0
}

async function failure(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(() => new Error('it resolved'), (reason: unknown) => reason) // prettier-ignore
  if (!(error instanceof Failure)) throw error
  return error
}

test('each call gives a database with every migration and the seeds, and none sees what another does', async ({
  db,
}) => {
  db.files(files)
  db.seeds({ 'test/010_a.sql': 'insert into a values (1)' })
  const heard: Event['type'][] = []
  const call = { ...options(db), seed: 'test', onEvent: ({ type }: Event) => heard.push(type) }
  await using first = await createTestDatabase(call)
  await ask(first.url, 'delete from a; drop table b')
  expect(heard.filter((type) => type === 'applied')).toHaveLength(2)

  await using second = await createTestDatabase(call)
  expect(await ask(second.url, 'select id from a')).toEqual([{ id: 1 }])
  expect(await ask(second.url, 'select from b')).toEqual([])
  expect(heard.filter((type) => type === 'applied')).toHaveLength(2)
  expect(second.name).not.toBe(first.name)
  expect(await status({ ...options(db), databaseUrl: second.url })).toMatchObject({ state: 'up_to_date' })
  expect(await db.tables()).toEqual([])
  expect(await ask(second.url, 'select distinct environment from upfront.runs')).toEqual([{ environment: 'test' }])

  await using without = await createTestDatabase(options(db))
  expect(await ask(without.url, 'select from a')).toEqual([])
  expect(await templates(db)).toHaveLength(2)
})

test('nobody gets into the template, or drops it by mistake', async ({ db }) => {
  db.files(files)
  await (await createTestDatabase(options(db))).drop()
  const [template] = await templates(db)
  await expect(ask(db.urlOf({ database: template! }), 'select')).rejects.toThrow('not currently accepting connections')
  await expect(db.query(`drop database ${template}`)).rejects.toThrow('template')
})

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

/** Calls createTestDatabase in a process of its own, as a worker would; the names it got are its lines. */
function worker(db: Database, count = 1): { child: ChildProcess; names: Promise<string[]> } {
  const index = JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))
  const code = `import { createTestDatabase } from ${index}
const options = ${JSON.stringify(options(db))}
const all = await Promise.all(Array.from({ length: ${count} }, () => createTestDatabase(options)))
for (const { name } of all) console.log(name)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (more) => (text += String(more)))
  return { child, names: once(child, 'close').then(() => text.split('\n').filter(Boolean)) }
}

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

test('a role that may create databases is enough, and one that may not is told what to grant', async ({ db }) => {
  db.files(files)
  const lean = await db.role('login createdb')
  await using made = await createTestDatabase({ ...options(db), databaseUrl: db.urlOf(lean) })
  expect(await ask(made.url, 'select current_user as name')).toEqual([{ name: lean.user }])

  const bare = await db.role('login')
  const denied = await failure(createTestDatabase({ ...options(db), databaseUrl: db.urlOf(bare) }))
  expect(denied).toMatchObject({ code: 'DENIED', facts: { sqlstate: '42501' } })
  expect(denied.facts.next).toContain(`alter role "${bare.user}" createdb`)
  await made.drop()
  await dropTestDatabases({ ...options(db), databaseUrl: db.urlOf(lean) })
})

test('a role that nobody logs in as can own it (UPFRONT_ROLE)', async ({ db }) => {
  db.files(files)
  const [owner, login] = [await db.role('nologin'), await db.role('login createdb noinherit')]
  await db.query(`grant ${owner.user} to ${login.user}`)
  const call = { ...options(db), databaseUrl: db.urlOf(login), settings: { role: owner.user } }
  const made = await createTestDatabase(call)
  const [row] = await db.query(
    `select pg_get_userbyid(datdba) as owner from pg_database where datname = '${made.name}'`,
  )
  expect(row).toEqual({ owner: owner.user })
  const tables = `select distinct tableowner as owner from pg_tables where schemaname in ('public', 'upfront')`
  expect(await ask(db.urlOf({ database: made.name }), tables)).toEqual([{ owner: owner.user }])
  await made.drop()
  expect(await exists(db, made.name)).toBe(false)
  expect(await dropTestDatabases(call)).toHaveLength(1)
})

test('settings and privileges of the database itself are those that the migrations have made', async ({ db }) => {
  const reader = await db.role('login')
  db.files({
    '001_database.sql': `do $$ begin
      execute format('alter database %I set search_path to "$user", "App Schema", public', current_database());
      execute format('alter database %I set my.setting to %L', current_database(), 'it''s');
      execute format('alter role ${reader.user} in database %I set work_mem to %L', current_database(), '7MB');
      execute format('revoke connect, temporary on database %I from public', current_database());
      execute format('grant connect on database %I to ${reader.user}', current_database());
    end $$`,
  })
  await using made = await createTestDatabase(options(db))
  const shown = `select current_setting('search_path') as path, current_setting('my.setting') as own,
    current_setting('work_mem') as memory,
    has_database_privilege('public', current_database(), 'connect') as everybody`
  const as = db.urlOf({ ...reader, database: made.name })
  expect(await ask(as, shown)).toEqual([
    { path: '"$user", "App Schema", public', own: "it's", memory: '7MB', everybody: false },
  ])
})

test('names that need quotes: the database that is named, and its roles', async ({ db }) => {
  db.files(files)
  const odd = `Tëst "x"; drop database y; -- ${db.name}`.slice(0, 50)
  await db.query(`create database "${odd.replaceAll('"', '""')}"`)
  try {
    const call = { ...options(db), databaseUrl: db.urlOf({ database: odd }) }
    const made = await createTestDatabase(call)
    expect(await ask(made.url, 'select from b')).toEqual([])
    await made.drop()
    expect(await dropTestDatabases(call)).toHaveLength(1)
  } finally {
    await db.query(`drop database "${odd.replaceAll('"', '""')}"`)
  }
})

test('a migration that fails is its failure, and leaves no template', async ({ db }) => {
  db.files({ ...files, '003_bad.sql': 'select 1 / 0' })
  const failed = await failure(createTestDatabase(options(db)))
  expect(failed).toMatchObject({ code: 'FAILED', facts: { sqlstate: '22012' } })
  const rows = await db.query(`select datname from pg_database where datname like 'upfront_template_%'
    and shobj_description(oid, 'pg_database') is null`)
  expect(rows).toEqual([])
})

test('a database that does not exist is no server to begin on, which says so', async ({ db }) => {
  db.files(files)
  const settings = { authGrace: '0', waitTimeout: '2s' }
  const missing = { ...options(db), databaseUrl: db.urlOf({ database: 'not_there' }), settings }
  const denied = await failure(createTestDatabase(missing))
  expect(denied).toMatchObject({ code: 'DENIED', facts: { sqlstate: '3D000' } })
  expect(denied.facts.next).toContain('such as postgres')
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

test('many at once take few connections, each of them a database', async ({ db }) => {
  db.files(files)
  const count = Number(process.env['TEST_CLONES'] ?? 40)
  const now = `select (select count(*)::int from pg_database
      where shobj_description(oid, 'pg_database') like '%"clone"%"from":"${db.name}"%') as databases,
    (select count(*)::int from pg_stat_activity
      where application_name like 'upfront/%' and datname = '${db.name}') as sessions`
  const most = { databases: 0, sessions: 0 }
  let over = false
  const looking = (async () => {
    while (!over) {
      const [row] = await db.query<typeof most>(now)
      for (const what of ['databases', 'sessions'] as const) most[what] = Math.max(most[what], row![what])
    }
  })()
  const names = await Promise.all(
    Array.from({ length: count }, async () => {
      const { name, url, drop } = await createTestDatabase(options(db))
      expect(await ask(url, 'select from b')).toEqual([])
      await drop()
      return name
    }),
  )
  over = true
  await looking
  expect(new Set(names).size).toBe(count)
  // Four at work, and those whose goodbye the server has not read yet.
  expect(most.sessions).toBeLessThan(20)
  expect(most.databases).toBeLessThan(20)
  expect(most.databases).toBeGreaterThan(0)
  expect(await db.query(`select from pg_database where datname in ('${names.join("', '")}')`)).toEqual([])
})
