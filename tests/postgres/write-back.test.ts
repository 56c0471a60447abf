// UPFRONT_WRITE_BACK: the folder's own tool has the row that it would have written, and finds nothing to do.
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

/** What is of the moment, or of who ran it. */
const passing =
  /^(id|logs|started_at|finished_at|installed_on|installed_by|execution_time|tstamp|applied_at|applied_steps_count)$/
const tableOf = { drizzle: 'drizzle.__drizzle_migrations', prisma: '_prisma_migrations', dbmate: 'schema_migrations', 'golang-migrate': 'schema_migrations', goose: 'goose_db_version', flyway: 'flyway_schema_history', sqlx: '_sqlx_migrations' } // prettier-ignore

async function tableAndRows(db: Database, table: string) {
  const columns = await db.query(`select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute
    where attrelid = '${table}'::regclass and attnum > 0 order by attnum`)
  const rows = await db.query(`select * from ${table}`)
  return {
    columns,
    rows: rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !passing.test(name)))),
  }
}

test.for(written)('table and row are what the tool would have made: %s', async (name, { db }) => {
  const folder = toolFolders[name]!
  const [tool] = name.split(' ') as [keyof typeof tableOf]
  const table = tableOf[tool]
  db.files(folder.files)
  const env = { ...on, ...(folder.format === undefined ? {} : { UPFRONT_FORMAT: folder.format }) }
  expect((await db.up(['--to', folder.names[0]], env)).exitCode).toBe(0)
  const ours = await tableAndRows(db, table)
  expect(ours.rows.length).toBe(tool === 'goose' ? 2 : 1)
  await db.query(tool === 'drizzle' ? 'drop schema drizzle cascade' : `drop table ${table}`)
  await db.query(folder.history)
  expect(ours).toEqual(await tableAndRows(db, table))
})

test('a row of prisma is finished, and not taken back', async ({ db }) => {
  db.files(prisma({ '1_users/migration.sql': users }))
  await db.up([], on)
  const rows = await db.query('select finished_at >= started_at as done, rolled_back_at, applied_steps_count, length(id) as id from _prisma_migrations') // prettier-ignore
  expect(rows).toEqual([{ done: true, rolled_back_at: null, applied_steps_count: 1, id: 36 }])
})

describe('drizzle, to which from 1.0 on the name alone says what is applied', () => {
  const { files } = toolFolders['drizzle with folders']!
  const named = (db: Database) => db.query('select name from drizzle.__drizzle_migrations order by id')

  test('has a name in every row of a table that has names', async ({ db }) => {
    db.files(files)
    await db.up([], on)
    db.files({ ...files, '20240103000000_third/migration.sql': 'create table third (id int);\n' })
    await db.up([], on)
    expect(await named(db)).toEqual(
      ['20240101000000_users', '20240102000000_orders', '20240103000000_third'].map((one) => ({ name: one })),
    )
  })

  test('gives the names itself to a table of before', async ({ db }) => {
    db.files(files)
    await db.query(`create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key,
      hash text not null, created_at bigint)`)
    const { exitCode, stderr } = await db.up([], on)
    expect(exitCode, stderr).toBe(0)
    const rows = await db.query<{ at: string }>('select created_at as at from drizzle.__drizzle_migrations order by id')
    expect(rows.map(({ at }) => Number(at))).toEqual([Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 2)])
  })

  test('of a journal gets no names, which are no names of folders', async ({ db }) => {
    db.files(toolFolders['drizzle with a journal']!.files)
    await db.query(`create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key,
      hash text not null, created_at bigint, name text, applied_at timestamptz default now())`)
    await db.up([], on)
    expect(await named(db)).toEqual([{ name: null }, { name: null }])
  })
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

/** The last of them has a way back. */
const withDown: Files = {
  'V1__users.sql': users,
  'V2__orders.sql': 'create table orders (id int);\n',
  'V3.0__others.sql': 'create table others (id int);\n',
  'U3.0__others.sql': 'drop table others;\n',
}
const development = { UPFRONT_ENV: 'development' }

test('down takes the row of that version away, however it is spelled', async ({ db }) => {
  const env = { ...on, ...development }
  db.files(withDown)
  expect((await db.up([], env)).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['down'], env)
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select version from flyway_schema_history order by 1')).toEqual([
    { version: '1' },
    { version: '2' },
  ])
})

test.for(['dbmate', 'golang-migrate'])(
  'after down %s has the migration to run again, and no other',
  async (name, { db }) => {
    const { files, names: both } = toolFolders[name]!
    const env = { ...on, ...development }
    db.files(files)
    await db.up([], env)
    const { exitCode, stderr } = await db.run(['down'], env)
    expect(exitCode, stderr).toBe(0)
    // Without our own history nothing but the tool's says so.
    await db.query('drop schema upfront cascade')
    expect((await db.up([], env)).applied).toEqual([both[1]])
  },
)

test('down on a database where the tool has no table makes none', async ({ db }) => {
  db.files(withDown)
  await db.up([], development)
  const { exitCode, stderr } = await db.run(['down'], { ...on, ...development })
  expect(exitCode, stderr).toBe(0)
  expect((await db.tables()).sort()).toEqual(['public.orders', 'public.users'])
})

test('down for a tool whose rows cannot be written is refused before a run has begun', async ({ db }) => {
  db.files({ '001_users.sql': `${users}\n---- create above / drop below ----\ndrop table users;\n` })
  await db.up([], development)
  const { exitCode, stderr } = await db.run(['down'], { ...on, ...development })
  expect(exitCode, stderr).toBe(2)
  expect(stderr).toContain('the rows of tern cannot be written')
  expect(await db.query('select command, outcome from upfront.runs')).toEqual([{ command: 'up', outcome: 'done' }])
})

test('seeds alone make no table, which would say that no migration has run', async ({ db }) => {
  db.files(toolFolders['prisma']!.files)
  await db.up()
  db.seeds({ '1_seed.sql': 'insert into users values (1)' })
  expect((await db.up(['--seed', 'demo'], on)).exitCode).toBe(0)
  expect((await db.tables()).sort()).toEqual(['public.orders', 'public.users'])
})

test('flyway has the version as it is spelled, and the description that it would hold the file against', async ({
  db,
}) => {
  db.files({
    'V1__first_of_all.sql': 'create table a (id int);\n',
    'my__part/V2_1__it_is___there.sql': 'create table b (id int);\n',
    'V3.0.sql': 'create table c (id int);\n',
    [`V4__${'d'.repeat(201)}.sql`]: 'create table d (id int);\n',
  })
  const { exitCode, stderr } = await db.up([], on)
  expect(exitCode, stderr).toBe(0)
  const rows = await db.query('select version, description from flyway_schema_history order by installed_rank')
  expect(rows).toEqual([
    { version: '1', description: 'first of all' },
    { version: '2.1', description: 'it is   there' },
    { version: '3.0', description: '' },
    { version: '4', description: `${'d'.repeat(197)}...` },
  ])
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

test('of a tool whose rows cannot be written nothing is taken over before that is said', async ({ db }) => {
  db.files(toolFolders['tern']!.files)
  await db.query(`${users} ${toolFolders['tern']!.history}`)
  expect((await db.up([], on)).exitCode).toBe(2)
  expect(await db.history()).toBe(null)
})
