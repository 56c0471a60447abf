import { expect } from 'vitest'
import { test } from '../support/database.ts'

const users = 'create table users (id int primary key, name text)'
const posts = 'create table posts (id int primary key, author int references users)'

test('up applies every migration in order, records each, and says so', async ({ db }) => {
  db.files({ '002_posts.sql': posts, '001_users.sql': users })

  const first = await db.up()

  expect(first.exitCode).toBe(0)
  expect(first.applied).toEqual(['001_users', '002_posts'])
  expect(first.stderr).toContain('done           2 migrations applied in')
  expect(first.stdout).toBe('')
  expect(await db.tables()).toEqual(['public.posts', 'public.users'])
  expect(await db.history()).toEqual(['migration 001_users applied', 'migration 002_posts applied'])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('up again changes nothing, three times over', async ({ db }) => {
  db.files({ '001_users.sql': users, '002_posts.sql': posts })
  await db.up()
  const before = await db.query('select * from upfront.history order by id')

  for (const _ of [1, 2, 3]) {
    const again = await db.up()
    expect(again.exitCode).toBe(0)
    expect(again.applied).toEqual([])
    expect(again.stderr).toContain('up to date     2 migrations')
  }

  expect(await db.query('select * from upfront.history order by id')).toEqual(before)
  expect(await db.query('select outcome from upfront.runs')).toEqual([{ outcome: 'done' }])
})

test('what came later is applied later, and what was there is not run again', async ({ db }) => {
  db.files({ '001_users.sql': users })
  await db.up()
  await db.query(`insert into users values (1, 'Ada')`)
  db.files({ '001_users.sql': users, '002_posts.sql': posts })

  const second = await db.up()

  expect(second.exitCode).toBe(0)
  expect(second.applied).toEqual(['002_posts'])
  expect(await db.query('select name from users')).toEqual([{ name: 'Ada' }])
  expect(await db.query('select command, outcome from upfront.runs')).toEqual([
    { command: 'up', outcome: 'done' },
    { command: 'up', outcome: 'done' },
  ])
})

test('two migrations with one number are two migrations, and both run in name order', async ({ db }) => {
  db.files({
    '20251025_fix_policies.sql': 'alter table metadata add column policy text',
    '20251025_add_metadata.sql': 'create table metadata (id int)',
  })

  const { exitCode, applied } = await db.up()

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['20251025_add_metadata', '20251025_fix_policies'])
  expect(await db.query('select policy from metadata')).toEqual([])
})

test('numbers sort as numbers: 9 runs before 10', async ({ db }) => {
  db.files({
    '10_ten.sql': 'insert into steps values (10)',
    '9_nine.sql': 'insert into steps values (9)',
    '1_one.sql': 'create table steps (n int, seq int generated always as identity)',
    '0000000000000000000000011_eleven.sql': 'insert into steps values (11)',
  })

  const { exitCode, applied } = await db.up()

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['1_one', '9_nine', '10_ten', '0000000000000000000000011_eleven'])
  expect(await db.query('select n from steps order by seq')).toEqual([{ n: 9 }, { n: 10 }, { n: 11 }])
})

test('up is what runs without a command, and migrate and deploy are other names of it', async ({ db }) => {
  db.files({ '001_users.sql': users })
  expect((await db.run([])).applied).toEqual(['001_users'])
  for (const name of ['migrate', 'deploy']) {
    const { exitCode, stderr } = await db.run([name])
    expect(exitCode).toBe(0)
    expect(stderr).toContain('up to date     1 migration\n')
  }
})

test('the log as JSON has the same story, one object a line', async ({ db }) => {
  db.files({ '001_users.sql': users })
  const { exitCode, events, stderr } = await db.upJson()
  expect(exitCode).toBe(0)
  expect(events).toHaveLength(stderr.trimEnd().split('\n').length)
  expect(events.map(({ event }) => event)).toEqual(['start', 'ready', 'applied', 'done'])
  expect(events[0]).toMatchObject({
    migrations: 1,
    source: 'UPFRONT_DATABASE_URL',
    target: expect.stringContaining(db.name),
  })
  expect(events[2]).toMatchObject({ name: '001_users', duration_ms: expect.any(Number) })
})

test('the history keeps the checksum, the down SQL and the run of a migration', async ({ db }) => {
  db.files({
    '001_users.sql': users,
    '001_users.down.sql': 'drop table users',
    '002_posts.sql': `${posts};\n-- upfront:down\ndrop table posts`,
    '003_none.sql': 'select 1',
  })

  expect((await db.up()).exitCode).toBe(0)

  const [run] = await db.query<{ id: string }>('select id, version, host, environment from upfront.runs')
  expect(run).toMatchObject({ host: 'test-host', environment: 'production' })
  expect(await db.query('select name, down, run from upfront.history order by id')).toEqual([
    { name: '001_users', down: 'drop table users', run: run!.id },
    { name: '002_posts', down: expect.stringContaining('drop table posts'), run: run!.id },
    { name: '003_none', down: null, run: run!.id },
  ])
  const rows = await db.query<{ checksum: string }>('select checksum from upfront.history')
  for (const { checksum } of rows) expect(checksum).toMatch(/^v1:sha256:[0-9a-f]{64}$/)
})

test('a history in a schema of another name is a history of its own', async ({ db }) => {
  db.files({ '001_users.sql': users })
  const env = { UPFRONT_SCHEMA: 'Our "own"' }
  expect((await db.up([], env)).exitCode).toBe(0)
  expect(await db.query(`select name from "Our ""own""".history`)).toEqual([{ name: '001_users' }])
  expect((await db.up([], env)).stderr).toContain('up to date')
  expect(await db.history()).toBeNull()
})

test('a thousand small migrations are applied in one go', async ({ db }) => {
  db.files(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`${n}_t.sql`, `create table t${n} (id int)`])))
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toHaveLength(1000)
  expect(applied.slice(8, 12)).toEqual(['8_t', '9_t', '10_t', '11_t'])
  expect(await db.tables()).toHaveLength(1000)
})

test('of migrations that share a message each has its own time, one after the other, and the log tells it', async ({
  db,
}) => {
  const tables = Array.from({ length: 40 }, (_, i) => [`${i + 1}_t.sql`, `create table t${i} (id int primary key)`])
  db.files(Object.fromEntries(tables) as Record<string, string>)
  const { events } = await db.upJson()
  const [row] = await db.query(`
    select count(*)::int as steps, count(distinct applied_at)::int as begins,
      bool_and(applied_at >= before) as in_order,
      -- Each is rounded to a millisecond.
      sum(duration_ms) <= 1000 * extract(epoch from max(applied_at) - min(applied_at)) + max(duration_ms) + count(*) / 2
        as true_in_sum
    from (select *, lag(applied_at) over (order by id) as before from upfront.history) as steps`)
  expect(row).toEqual({ steps: 40, begins: 40, in_order: true, true_in_sum: true })
  const recorded = await db.query<{ duration_ms: number }>('select duration_ms from upfront.history order by id')
  expect(events.filter(({ event }) => event === 'applied').map(({ duration_ms }) => duration_ms)).toEqual(
    recorded.map((step) => Number(step.duration_ms)),
  )
})
