import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Database, test } from '../support/database.ts'

const files = {
  '001_a.sql': 'create table a (id int);\n',
  '002_index.sql': 'create index concurrently a_id on a (id)',
  '003_module.js': 'export async function up(client) { await client.query("create table m (id int)") }',
  '004_d.sql': 'create table d (id int);\n-- upfront:down\ndrop table d;',
}

/** From here on whoever writes fails. */
async function makeReadOnly(db: Database) {
  await db.query(`alter database ${db.name} set default_transaction_read_only = on`)
}

test('plan answers with the SQL that up would run, in order and how, and touches nothing', async ({ db }) => {
  db.files(files)
  await makeReadOnly(db)

  const { exitCode, stdout, stderr } = await db.run(['plan'])

  expect(exitCode, stderr).toBe(0)
  expect(stdout).toBe(
    `-- migration 001_a (transaction)
create table a (id int);

-- migration 002_index (statement by statement)
create index concurrently a_id on a (id)

-- migration 003_module (module)
-- runs migrations/003_module.js

-- migration 004_d (transaction)
create table d (id int);
`,
  )
  expect(stderr).toBe('')
  expect(await db.query(`select from pg_namespace where nspname = 'upfront'`)).toEqual([])
})

test('up --dry-run is the same', async ({ db }) => {
  db.files(files)
  await makeReadOnly(db)
  const plan = await db.run(['plan'])
  const dry = await db.run(['up', '--dry-run'])
  expect(dry.exitCode, dry.stderr).toBe(0)
  expect(dry.stdout).toBe(plan.stdout)
  expect((await db.run(['up', '--dry-run', '--json'])).stdout).toBe((await db.run(['plan', '--json'])).stdout)
  expect(await db.history()).toBeNull()
})

test('--json is for programs', async ({ db }) => {
  db.files(files)
  db.seeds({ '010_a.sql': 'insert into a values (1)', 'demo/020_a.csv': 'id\n1\n' })
  const { exitCode, stdout } = await db.run(['plan', '--json', '--seed', 'demo'])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    bundle: expect.stringMatching(/^v1:sha256:[0-9a-f]{64}$/),
    pending: [
      { kind: 'migration', name: '001_a', how: 'transaction', from_statement: 1, file: 'migrations/001_a.sql', sql: files['001_a.sql'] }, // prettier-ignore
      { kind: 'migration', name: '002_index', how: 'statement by statement', from_statement: 1, file: 'migrations/002_index.sql', sql: files['002_index.sql'] }, // prettier-ignore
      { kind: 'migration', name: '003_module', how: 'module', from_statement: 1, file: 'migrations/003_module.js', sql: null }, // prettier-ignore
      { kind: 'migration', name: '004_d', how: 'transaction', from_statement: 1, file: 'migrations/004_d.sql', sql: 'create table d (id int);\n' }, // prettier-ignore
      { kind: 'seed', name: '010_a.sql', how: 'transaction', from_statement: 1, file: 'seeds/010_a.sql', sql: 'insert into a values (1)' }, // prettier-ignore
      { kind: 'seed', name: 'demo/020_a.csv', how: 'copy', from_statement: 1, file: 'seeds/demo/020_a.csv', sql: null }, // prettier-ignore
    ],
  })
})

test('only what is pending', async ({ db }) => {
  db.files({ '001_a.sql': files['001_a.sql'] })
  await db.up()
  db.files(files)
  const { stdout } = await db.run(['plan'])
  expect(stdout).not.toContain('001_a')
  expect(stdout).toContain('-- migration 002_index')
})

test('nothing pending is said, and is 0; so is a database that is ahead', async ({ db }) => {
  db.files({ '001_a.sql': files['001_a.sql'], '004_d.sql': files['004_d.sql'] })
  await db.up()
  const done = await db.run(['plan'])
  expect([done.exitCode, done.stdout.trim()]).toEqual([0, '-- nothing is pending'])
  expect(JSON.parse((await db.run(['plan', '--json'])).stdout)).toMatchObject({ pending: [] })
  db.files({ '001_a.sql': files['001_a.sql'] })
  const ahead = await db.run(['plan'])
  expect([ahead.exitCode, ahead.stdout.trim()]).toEqual([0, '-- nothing is pending; the database is ahead: 004_d'])
})

test('a file that stopped half way says from where it goes on', async ({ db }) => {
  const marker = '-- upfront:no-transaction\n'
  db.files({ '001_a.sql': `${marker}create table a (id int);\nselect 1 / 0;` })
  await db.up()
  const { stdout } = await db.run(['plan'])
  expect(stdout).toContain('-- migration 001_a (statement by statement, from statement 2 on)')
  expect(JSON.parse((await db.run(['plan', '--json'])).stdout).pending[0]).toMatchObject({ from_statement: 2 })
})

test('what up would refuse, plan refuses', async ({ db }) => {
  db.files(files)
  await db.up()
  db.files({ ...files, '001_a.sql': 'create table a (id bigint)' })
  expect((await db.run(['plan'])).exitCode).toBe(21)
  db.files({ '001_a.sql': 'not sql' })
  expect((await db.run(['plan'])).exitCode).toBe(20)
})

test('it does not wait for the lock', async ({ db }) => {
  db.files(files)
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  expect((await db.run(['plan'], { UPFRONT_LOCK_WAIT: '1s' })).exitCode).toBe(0)
})

test('a role that may only read can plan', async ({ db }) => {
  db.files({ '001_a.sql': files['001_a.sql'] })
  await db.up()
  db.files(files)
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on upfront.history to ${user}`)
  const { exitCode, stdout, stderr } = await db.run(['plan'], { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('-- migration 002_index')
})

test('a module that stopped half way is planned with the commands that settle it', async ({ db }) => {
  db.files({
    '0001_m.ts': `export const transaction = false; export async function up() { throw new Error('half') }`,
  })
  expect((await db.up()).exitCode).toBe(23)
  const { exitCode, stderr } = await db.run(['plan'])
  expect(exitCode).toBe(0)
  expect(stderr).toContain('upfront repair --not-done 0001_m --reason "..."')
})
