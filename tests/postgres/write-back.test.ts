// UPFRONT_WRITE_BACK: the folder's own tool has the row that it would have written, and finds nothing to do.
import { createHash } from 'node:crypto'
import { describe, expect } from 'vitest'
import { type Database, type Files, test } from '../support/database.ts'
import { toolFolders, users } from '../support/tool-folders.ts'

const written = ['drizzle with a journal', 'drizzle with folders', 'prisma', 'dbmate', 'golang-migrate', 'goose', 'flyway', 'sqlx'] // prettier-ignore
const on = { UPFRONT_WRITE_BACK: 'true' }
const prisma = (files: Files): Files => ({ 'migration_lock.toml': 'provider = "postgresql"\n', ...files })
const names = async (db: Database) =>
  (
    await db.query<{ name: string }>('select migration_name as name from _prisma_migrations order by started_at, 1')
  ).map(({ name }) => name)

describe.each(written)('%s', (name) => {
  const folder = toolFolders[name]!
  const env = { ...on, ...(folder.format === undefined ? {} : { UPFRONT_FORMAT: folder.format }) }

  test('on an empty database its table is made, and says that all is applied', async ({ db }) => {
    db.files(folder.files)
    const { exitCode, stderr, applied } = await db.up([], env)
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(folder.names)
    // Without our own history nothing but the tool's says so.
    await db.query('drop schema upfront cascade')
    const again = await db.up([], env)
    expect(again.exitCode, again.stderr).toBe(0)
    expect(again.applied).toEqual([])
    expect(await db.history()).toEqual(folder.names.map((one) => `migration ${one} adopted`))
  })

  test('in the table that is there, behind the rows of the tool', async ({ db }) => {
    db.files(folder.files)
    await db.query(`${users} ${folder.history}`)
    expect((await db.up([], env)).applied).toEqual([folder.names[1]])
    await db.query('drop schema upfront cascade')
    const again = await db.up([], env)
    expect(again.exitCode, again.stderr).toBe(0)
    expect(again.applied).toEqual([])
  })
})

test('a row has what the tool would have written', async ({ db }) => {
  db.files(prisma({ '1_users/migration.sql': users }))
  await db.up([], on)
  const rows = await db.query('select checksum, migration_name, finished_at is not null as done, rolled_back_at, applied_steps_count from _prisma_migrations') // prettier-ignore
  const checksum = createHash('sha256').update(users).digest('hex')
  expect(rows).toEqual([
    { checksum, migration_name: '1_users', done: true, rolled_back_at: null, applied_steps_count: 1 },
  ])
})

test('whichever way a migration runs: with others in one message, large, outside a transaction', async ({ db }) => {
  db.files(
    prisma({
      '1_a/migration.sql': 'create table a (id int, note text);\n',
      '2_b/migration.sql': 'create table b (id int);\n',
      '3_large/migration.sql': Array.from({ length: 3_000 }, (_, i) => `insert into a values (${i}, '${'x'.repeat(400)}');\n`).join(''), // prettier-ignore
      '4_index/migration.sql': 'create index concurrently a_id on a (id);\n',
      '5_blocks/migration.sql': 'create table c (id int);\nbegin;\ncreate table d (id int);\ncommit;\n',
    }),
  )
  const { exitCode, stderr } = await db.up([], on)
  expect(exitCode, stderr).toBe(0)
  expect(await names(db)).toEqual(['1_a', '2_b', '3_large', '4_index', '5_blocks'])
})

test('what fails leaves no row, neither in its own transaction nor half way outside of one', async ({ db }) => {
  db.files(
    prisma({ '1_a/migration.sql': 'create table a (id int);\n', '2_b/migration.sql': 'create table b (id int);\nselect 1 / 0;\n' }), // prettier-ignore
  )
  expect((await db.up([], on)).exitCode).toBe(22)
  expect(await names(db)).toEqual(['1_a'])
  const halfWay = 'create table c (id int);\nbegin;\nselect 1 / 0;\ncommit;\n'
  db.files(prisma({ '1_a/migration.sql': 'create table a (id int);\n', '2_b/migration.sql': halfWay }))
  expect((await db.up([], on)).exitCode).toBe(23)
  expect(await names(db)).toEqual(['1_a'])
  db.files(
    prisma({ '1_a/migration.sql': 'create table a (id int);\n', '2_b/migration.sql': halfWay.replace('1 / 0', '1') }),
  )
  expect((await db.up([], on)).exitCode).toBe(0)
  expect(await names(db)).toEqual(['1_a', '2_b'])
})

test('seeds and adopted migrations write nothing', async ({ db }) => {
  db.files(toolFolders['prisma']!.files)
  db.seeds({ '1_seed.sql': 'insert into users values (1)' })
  await db.query(`${users} ${toolFolders['prisma']!.history}`)
  await db.up(['--seed', 'demo'], on)
  expect(await names(db)).toEqual([...toolFolders['prisma']!.names])
})

test('flyway has a row for each time that a repeatable migration ran', async ({ db }) => {
  const files = (columns: string): Files => ({
    'V1__users.sql': users,
    'R__people_of_all.sql': `create or replace view people as select ${columns} from users;\n`,
  })
  db.files(files('id'))
  await db.up([], on)
  db.files(files('id, 1 as one'))
  await db.up([], on)
  const rows = await db.query('select version, description, script from flyway_schema_history order by installed_rank')
  const again = { version: null, description: 'people of all', script: 'R__people_of_all.sql' }
  expect(rows).toEqual([{ version: '1', description: 'users', script: 'V1__users.sql' }, again, again])
})

test('of a tool whose rows cannot be written: exit 2, and nothing has run', async ({ db }) => {
  db.files({ '001_users.sql': users })
  const { exitCode, stderr } = await db.up([], on)
  expect(exitCode, stderr).toBe(2)
  expect(stderr).toContain('UPFRONT_WRITE_BACK: the rows of plain cannot be written')
  expect(await db.tables()).toEqual([])
})
