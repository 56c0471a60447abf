// Migrations that run again whenever their content has changed, after all others: views, functions.
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/database.ts'

const table = { '001_users.sql': 'create table users (id int primary key, name text)' }
const view = (columns: string) => `create or replace view people as select ${columns} from users`

test('it runs after all others, again when it has changed, and never in between', async ({ db }) => {
  db.files({ ...table, 'repeatable/people.sql': view('id') })
  const first = await db.up()
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.applied).toEqual(['001_users', 'repeatable/people'])
  expect(await db.history()).toEqual(['migration 001_users applied', 'repeatable repeatable/people applied'])
  expect((await db.up()).stderr).toContain('up to date')

  db.files({ ...table, '002_mail.sql': 'alter table users add mail text', 'repeatable/people.sql': view('id, mail') })
  const second = await db.up()
  expect(second.applied).toEqual(['002_mail', 'repeatable/people'])
  expect(await db.query('select id, mail from people')).toEqual([])
  expect((await db.up()).stderr).toContain('up to date')
})

test('in natural order, with a new migration or without', async ({ db }) => {
  const files = { ...table, 'repeatable/10_b.sql': 'select 10', 'repeatable/9_a.sql': 'select 9' }
  db.files(files)
  expect((await db.up()).applied).toEqual(['001_users', 'repeatable/9_a', 'repeatable/10_b'])
  db.files({ ...files, 'repeatable/10_b.sql': 'select 11' })
  expect((await db.up()).applied).toEqual(['repeatable/10_b'])
})

test('from a bundle the same', async ({ db }) => {
  db.files({ ...table, 'repeatable/people.sql': view('id') })
  expect((await db.run(['compile', '--out', 'bundle'])).exitCode).toBe(0)
  const bundle = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
  expect((await db.up([], bundle)).applied).toEqual(['001_users', 'repeatable/people'])
  expect((await db.up([], bundle)).stderr).toContain('up to date')
  expect((await db.up()).stderr).toContain('up to date')
})

test('one that fails is 22, rolled back, and tried again by the next run', async ({ db }) => {
  db.files({ ...table, 'repeatable/people.sql': `${view('id')}; select 1 / 0` })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(22)
  expect(stderr).toContain('repeatable/people.sql:1:')
  expect(await db.history()).toEqual(['migration 001_users applied'])
  db.files({ ...table, 'repeatable/people.sql': view('id') })
  expect((await db.up()).applied).toEqual(['repeatable/people'])
})

test('a changed one that fails leaves what the old one made, and its row', async ({ db }) => {
  db.files({ ...table, 'repeatable/people.sql': view('id') })
  await db.up()
  db.files({ ...table, 'repeatable/people.sql': `${view('id, name')}; select 1 / 0` })
  expect((await db.up()).exitCode).toBe(22)
  expect(await db.query('select * from people')).toEqual([])
  expect(await db.history()).toEqual(['migration 001_users applied', 'repeatable repeatable/people applied'])
  expect((await db.run(['status'])).stdout).toMatch(/^pending +repeatable\/people/m)
})

test('what no transaction may hold is told when it is compiled', async ({ db }) => {
  db.files({ ...table, 'repeatable/index.sql': 'create index concurrently i on users (name)' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toContain('and a repeatable migration runs as one')
})

test('plan, status and wait know it', async ({ db }) => {
  db.files({ ...table, 'repeatable/people.sql': view('id') })
  expect((await db.run(['plan'])).stdout).toContain('-- repeatable repeatable/people (transaction)')
  expect((await db.run(['wait', '--wait-timeout', '300ms'])).exitCode).toBe(34)
  await db.up()
  expect((await db.run(['wait', '--wait-timeout', '300ms'])).exitCode).toBe(0)
  const { stdout } = await db.run(['status', '--json'])
  expect(JSON.parse(stdout).repeatable).toMatchObject([{ name: 'repeatable/people', state: 'applied', by: 'upfront' }])
})

test('a file that is gone is forgotten in silence, as with seeds', async ({ db }) => {
  db.files({ ...table, 'repeatable/people.sql': view('id') })
  await db.up()
  db.files(table)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
})

test('after a down it runs again, because what it made may be gone with it', async ({ db }) => {
  const down = {
    '002_mail.sql': 'alter table users add mail text;\n-- upfront:down\nalter table users drop mail cascade',
  }
  db.files({ ...table, ...down, 'repeatable/people.sql': `drop view if exists people; ${view('id, mail')}` })
  const env = { UPFRONT_ENV: 'development' }
  await db.up([], env)
  expect((await db.run(['down'], env)).exitCode).toBe(0)
  const { exitCode, applied, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['002_mail', 'repeatable/people'])
})
