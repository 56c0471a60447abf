import { expect, vi } from 'vitest'
import { type Event, createTestDatabase, dropTestDatabases, status } from '../../src/index.ts'
import { test, until } from '../support/database.ts'
import { ask, exists, failure, options, templates } from '../support/test-databases.ts'

// Each of them makes several databases, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 })

const files = { '001_a.sql': 'create table a (id int primary key)', '002_b.sql': 'create table b (id int)' }

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

test('another user gets a template of their own, whose tables they own', async ({ db }) => {
  db.files(files)
  const roles = [await db.role('login createdb'), await db.role('login createdb')]
  await (await createTestDatabase(options(db))).drop()
  for (const role of roles) {
    const call = { ...options(db), databaseUrl: db.urlOf(role) }
    const made = await createTestDatabase(call)
    expect(await ask(made.url, 'insert into a values (1) returning id')).toEqual([{ id: 1 }])
    await made.drop()
    expect(await dropTestDatabases(call)).toHaveLength(1)
  }
})

test('time-outs that a role has by default end no making and no dropping', async ({ db }) => {
  // Longer than what is asked before our own settings hold takes on a busy machine, and shorter than this.
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(0.4)' })
  const role = await db.role('login createdb')
  await db.query(`alter role ${role.user} set statement_timeout = '200ms'`)
  const call = { ...options(db), databaseUrl: db.urlOf(role) }
  await (await createTestDatabase(call)).drop()
  await (await createTestDatabase(call)).drop()
  expect(await dropTestDatabases(call)).toHaveLength(1)
})

test('who stays in the template keeps nobody from copying it', async ({ db }) => {
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(1.5)' })
  const running = createTestDatabase(options(db))
  const sleeping = `select datname as name from pg_stat_activity where query like '%pg_sleep(1.5)%' and wait_event = 'PgSleep'`
  await until(async () => (await db.query(sleeping)).length > 0, 'it migrates', 60_000)
  const [{ name }] = (await db.query(sleeping)) as [{ name: string }]
  const staying = await db.connect(db.urlOf({ database: name }))
  const begun = performance.now()
  await (await running).drop()
  expect(performance.now() - begun).toBeLessThan(20_000)
  await expect(staying.query('select')).rejects.toThrow()
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
      execute format('alter role ${reader.user} in database %I set role = %L', current_database(), '${reader.user}');
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

const count = Number(process.env['TEST_CLONES'] ?? 40)

// A disk that is slow with small files takes a third of a second for each.
test(
  'many at once take few connections, each of them a database',
  { timeout: 120_000 + count * 400 },
  async ({ db }) => {
    db.files(files)
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
  },
)
