// A tool's own table under another name, which UPFRONT_ADOPT names: what its rows say is believed as the tool believes it.
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { toolFolders, users } from '../support/tool-folders.ts'

/** Where each tool keeps that a migration did not get to its end, and which column is its key. */
const renamed = {
  sqlx: { from: '_sqlx_migrations', key: 'version', fail: 'set success = false' },
  'golang-migrate': { from: 'schema_migrations', key: 'version', fail: 'set dirty = true' },
  prisma: { from: '_prisma_migrations', key: 'migration_name', fail: 'set finished_at = null' },
  flyway: { from: 'flyway_schema_history', key: 'version', fail: 'set success = false' },
  atlas: { from: 'atlas_schema_revisions.atlas_schema_revisions', key: 'version', fail: 'set applied = 0' },
} as const

async function rename(db: Database, from: string, history: string): Promise<void> {
  const schema = from.includes('.') ? from.split('.')[0]! : 'public'
  await db.query(`${users} ${history}; create schema app; alter table ${from} rename to done`)
  await db.query(`alter table ${schema}.done set schema app`)
}

describe.each(Object.entries(renamed))('of %s', (name, { from, key, fail }) => {
  const { files, names, history, format } = toolFolders[name]!
  const env = { UPFRONT_ADOPT: `app.done.${key}`, ...(format === undefined ? {} : { UPFRONT_FORMAT: format }) }
  const plain = { '001_users.sql': users, '002_orders.sql': 'create table orders (id int);\n' }

  test('what it has applied is adopted', async ({ db }) => {
    db.files(files)
    await rename(db, from, history)
    const { exitCode, stderr, applied } = await db.up([], env)
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual([names[1]])
    expect(await db.history()).toEqual([`migration ${names[0]} adopted`, `migration ${names[1]} applied`])
  })

  test('a row that failed is 21, and nothing has run', async ({ db }) => {
    db.files(files)
    await rename(db, from, history)
    await db.query(`update app.done ${fail}`)
    const { exitCode, stderr } = await db.up([], env)
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain(`${names[0]}: another tool began it and did not finish it`)
    expect(await db.tables()).not.toContain('public.orders')
  })

  test('also in a folder of ours, whichever column is named', async ({ db }) => {
    db.files(plain)
    await rename(db, from, history)
    await db.query(`update app.done ${fail}`)
    // A further column makes it another table than golang-migrate's.
    const columns = name === 'golang-migrate' ? [key] : [key, 'what']
    if (columns.length > 1)
      await db.query('alter table app.done add column what text; update app.done set what = $$001_users$$')
    for (const column of columns) {
      const { exitCode, stderr } = await db.up([], { UPFRONT_ADOPT: `app.done.${column}` })
      expect(exitCode, stderr).toBe(21)
      expect(await db.tables()).not.toContain('public.orders')
    }
  })
})

test('what prisma has rolled back was not applied, and neither was what goose has taken back', async ({ db }) => {
  const prisma = toolFolders['prisma']!
  db.files(prisma.files)
  await rename(db, renamed.prisma.from, `drop table users; ${prisma.history}`)
  await db.query('update app.done set rolled_back_at = now()')
  expect((await db.up([], { UPFRONT_ADOPT: 'app.done.migration_name' })).applied).toEqual(prisma.names)

  await db.query('drop schema app, upfront cascade; drop table users, orders')
  const goose = toolFolders['goose']!
  db.files(goose.files)
  await rename(db, 'goose_db_version', `drop table users; ${goose.history}`)
  await db.query('insert into app.done (version_id, is_applied) values (1, false)')
  expect((await db.up([], { UPFRONT_ADOPT: 'app.done.version_id' })).applied).toEqual(goose.names)
})
