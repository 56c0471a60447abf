// Once something was taken away no image comes back that may use it, whatever way it was recorded.
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const v1 = { '0001_users.sql': 'create table users (id int, name text)' }
const drop = 'alter table users drop column name'
const mark = '-- upfront:contract\n'
const down = { '0002_c.down.sql': 'alter table users add column name text' }

/** What an image of the first version ends with, as a run and as a gate. */
async function comesBack(db: Database): Promise<readonly number[]> {
  db.files(v1)
  const [up, wait] = [await db.up(), await db.run(['wait'])]
  if (up.exitCode === 21) expect(up.stderr).toContain('0002_c took away')
  return [up.exitCode, wait.exitCode]
}

async function applied(db: Database, files: Record<string, string>) {
  db.files(files)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
}

test('one that stopped half way outside a transaction is a floor, and none any more when it is not done', async ({
  db,
}) => {
  await applied(db, v1)
  const v2 = { ...v1, '0002_c.sql': `-- upfront:no-transaction\n${mark}${drop};\nselect 1/0;` }
  await applied(db, v2)
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(23)
  expect(await comesBack(db)).toEqual([21, 21])
  db.files(v2)
  await db.query('alter table users add column name text')
  expect((await db.run(['repair', '--not-done', '0002_c', '--reason', 'taken back by hand'])).exitCode).toBe(0)
  expect(await comesBack(db)).toEqual([0, 0])
})

test('a module outside a transaction is a floor when it stopped half way', async ({ db }) => {
  await applied(db, v1)
  const module = `export const transaction = false
export const up = async ({ query }) => { await query('${drop}'); throw new Error('stopped') }`
  await applied(db, { ...v1, 'contract/0002_c.js': module })
  const { exitCode, stderr } = await db.run(['contract', '--without-evidence'])
  expect(exitCode, stderr).toBe(23)
  expect(await comesBack(db)).toEqual([21, 21])
})

test('redo makes a floor of a file that got its mark meanwhile', async ({ db }) => {
  await applied(db, { ...v1, ...down, '0002_c.sql': drop })
  db.files({ ...v1, ...down, '0002_c.sql': mark + drop })
  expect((await db.run(['redo', '--yes-destroy', db.name])).exitCode).toBe(0)
  expect(await comesBack(db)).toEqual([21, 21])
})

test('repair --accept makes one, too', async ({ db }) => {
  await applied(db, { ...v1, '0002_c.sql': drop })
  db.files({ ...v1, '0002_c.sql': mark + drop })
  const why = ['--reason', 'marked later', '--against-catalog']
  expect((await db.run(['repair', '--accept', '0002_c', ...why])).exitCode).toBe(0)
  expect(await comesBack(db)).toEqual([21, 21])
})

test('what is moved into contract/ after it was applied is a floor from the next start on, with and without anything to do', async ({
  db,
}) => {
  await applied(db, { ...v1, '0002_c.sql': drop })
  expect(await comesBack(db)).toEqual([0, 0])
  await applied(db, { ...v1, 'contract/0002_c.sql': drop })
  expect(await comesBack(db)).toEqual([21, 21])
  await db.query('drop table upfront.floors')
  await applied(db, { ...v1, 'contract/0002_c.sql': drop, '0003_more.sql': 'create table more (id int)' })
  expect(await comesBack(db)).toEqual([21, 21])
})

test('a gate refuses an image that lacks one from among what it has, and what it was squashed into says so', async ({
  db,
}) => {
  await applied(db, v1)
  await applied(db, { ...v1, '0002_c.sql': mark + drop })
  await db.run(['contract', '--without-evidence'])
  const later = { '0003_more.sql': 'create table more (id int)' }
  await applied(db, { ...v1, '0002_c.sql': mark + drop, ...later })
  db.files({ ...v1, ...later })
  const { exitCode, stderr } = await db.run(['wait'])
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('0002_c: a contract migration that this image does not have')
  expect((await db.run(['wait'], { UPFRONT_MISSING: 'ignore' })).exitCode).toBe(0)
  db.files({ ...v1, ...later, '0004_pending.sql': 'select 1' })
  expect((await db.run(['wait'])).exitCode, 'it waits for nothing that could come').toBe(21)
})

test('what another tool has applied while it waited here is taken over, and is a floor', async ({ db }) => {
  const one = { '0001_users.sql': `-- migrate:up\n${v1['0001_users.sql']};\n-- migrate:down\n` }
  const two = { ...one, '0002_c.sql': `-- migrate:up\n${mark}${drop};\n-- migrate:down\n` }
  await db.query(`create table schema_migrations (version varchar(128) primary key); ${v1['0001_users.sql']};
    insert into schema_migrations values ('0001')`)
  await applied(db, one)
  await applied(db, two)
  await db.query(`${drop}; insert into schema_migrations values ('0002')`)
  const status = JSON.parse((await db.run(['status', '--json'])).stdout)
  expect(status.migrations).toMatchObject([{}, { name: '0002_c', state: 'to_adopt' }])
  const { exitCode, stderr } = await db.run(['contract', '--without-evidence'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.history()).toEqual(['migration 0001_users adopted', 'migration 0002_c adopted'])
  db.files(one)
  expect((await db.run(['wait'])).exitCode).toBe(21)
})

test('redo with write-back leaves the row of the other tool there', async ({ db }) => {
  await db.query('create table schema_migrations (version varchar(128) primary key)')
  db.files({ '0001_users.sql': `-- migrate:up\n${v1['0001_users.sql']};\n-- migrate:down\ndrop table users;` })
  const env = { UPFRONT_WRITE_BACK: 'true' }
  await db.up([], env)
  const { exitCode, stderr } = await db.run(['redo', '--yes-destroy', db.name], env)
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select version from schema_migrations')).toEqual([{ version: '0001' }])
})

/** A role to which our tables do not belong, with the rights that grants on them gave it before there were others. */
async function stranger(db: Database) {
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on all tables in schema upfront to ${user};
    grant insert, update, delete on upfront.history, upfront.runs to ${user};
    alter table users owner to ${user}; grant all on schema public to ${user}`)
  return { user, env: { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) } }
}

test('a role that may not note a floor is told the grant before anything is taken away', async ({ db }) => {
  await applied(db, v1)
  const { user, env } = await stranger(db)
  for (const begin of ['', '-- upfront:no-transaction\n']) {
    db.files({ ...v1, '0002_c.sql': `${begin}${mark}${drop}` })
    const { exitCode, stderr } = await db.run(['contract', '--without-evidence'], env)
    expect(exitCode, stderr).toBe(24)
    expect(stderr).toContain(`grant select, insert on "upfront".floors to "${user}";`)
  }
  await db.query('drop table upfront.floors')
  const { stderr } = await db.run(['contract', '--without-evidence'], env)
  const [, sql = ''] = /As the owner of our tables: (.*)/.exec(stderr) ?? []
  await db.query(sql)
  expect((await db.run(['contract', '--without-evidence'], env)).exitCode, sql).toBe(0)
  expect(await comesBack(db)).toEqual([21, 21])
})

test('tables of an earlier version that are not its own: up says what to add, and no row passes for complete', async ({
  db,
}) => {
  await applied(db, v1)
  const { env } = await stranger(db)
  await db.query('alter table upfront.runs drop column deferred')
  db.files({ ...v1, '0002_c.sql': mark + drop })
  expect((await db.up([], env)).stderr).toContain('deferred       0002_c')
  const more = { '0003_more.sql': 'create table more (id int)' }
  db.files({ ...v1, '0002_c.sql': mark + drop, ...more })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(24)
  expect(await db.query('select count(*)::int as runs from upfront.runs')).toEqual([{ runs: 1 }])
  const [, sql = ''] = /As the owner of our tables: (.*)/.exec(stderr) ?? []
  await db.query(sql)
  const after = await db.up([], env)
  expect(after.exitCode, after.stderr).toBe(0)
  expect(after.stderr).toContain('deferred       0002_c')
})
