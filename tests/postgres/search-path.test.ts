// What a file creates is looked for where the file would make it, not where the session happens to look.
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const why = ['--reason', 'looked']
const inApp = {
  '001_t.sql':
    '-- upfront:no-transaction\nset search_path = app;\ncreate table t (id int);\ncreate index concurrently t_id on t (id);\nselect 1 / 0',
}

async function stopHalfWay(db: Database, files: Readonly<Record<string, string>> = inApp) {
  await db.query('create schema app')
  db.files(files)
  expect((await db.up()).exitCode).toBe(23)
}

describe('repair', () => {
  test('not-done is refused while what the file made in its own schema is there', async ({ db }) => {
    await stopHalfWay(db)
    const { exitCode, stderr } = await db.run(['repair', '--not-done', '001_t', ...why])
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('t exists')
    expect(stderr).toContain('t_id exists')
    await db.query('drop table app.t')
    expect((await db.run(['repair', '--not-done', '001_t', ...why])).exitCode).toBe(0)
  })

  test('done is believed when it is there, and not when only another schema has it', async ({ db }) => {
    await stopHalfWay(db)
    await db.query('drop table app.t; create table public.t (id int); create index t_id on public.t (id)')
    expect((await db.run(['repair', '--done', '001_t', ...why])).exitCode).toBe(28)
    await db.query('create table app.t (id int); create index t_id on app.t (id)')
    const { exitCode, stderr } = await db.run(['repair', '--done', '001_t', ...why])
    expect(exitCode, stderr).toBe(0)
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })

  test('what only a later schema of the path has is not what the file would make', async ({ db }) => {
    await stopHalfWay(db, {
      '001_t.sql': '-- upfront:no-transaction\nset search_path = app, public;\ncreate table t (id int);\nselect 1 / 0',
    })
    await db.query('drop table app.t; create table public.t (id int)')
    const done = await db.run(['repair', '--done', '001_t', ...why])
    expect(done.exitCode, done.stderr).toBe(28)
    expect(done.stderr).toContain('t does not exist')
    expect((await db.run(['repair', '--not-done', '001_t', ...why])).exitCode).toBe(0)
  })

  test('what comes before the SET and behind a RESET is looked for where the session looks', async ({ db }) => {
    await stopHalfWay(db, {
      '001_t.sql':
        '-- upfront:no-transaction\ncreate table before (id int);\nset search_path = app;\ncreate table inside (id int);\nreset search_path;\ncreate table behind (id int);\nselect 1 / 0',
    })
    for (const table of ['before', 'app.inside', 'behind']) {
      await db.query(`alter table ${table} rename to aside`)
      const { exitCode, stderr } = await db.run(['repair', '--done', '001_t', ...why])
      expect(exitCode, stderr).toBe(28)
      expect(stderr).toContain(`${table.replace('app.', '')} does not exist`)
      await db.query(
        `alter table ${table.includes('.') ? 'app.aside' : 'aside'} rename to ${table.replace('app.', '')}`,
      )
    }
    expect((await db.run(['repair', '--done', '001_t', ...why])).exitCode).toBe(0)
    // Nothing of the look stays in a session of ours, or on the server.
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('a role that the file sets and we may not is no reason to fail', async ({ db }) => {
    await stopHalfWay(db, {
      '001_t.sql':
        '-- upfront:no-transaction\nset search_path = app;\nset role pg_monitor; reset role;\ncreate table t (id int);\nselect 1 / 0',
    })
    const us = await db.role('login')
    await db.query(`grant usage on schema app, upfront to ${us.user};
      grant all on all tables in schema upfront to ${us.user}`)
    const env = { UPFRONT_DATABASE_URL: db.urlOf(us) }
    const { exitCode, stderr } = await db.run(['repair', '--not-done', '001_t', ...why], env)
    expect(exitCode, stderr).toBe(28)
    expect(stderr).toContain('t exists')
  })
})

describe('the first run', () => {
  const transactional = { '001_t.sql': 'set search_path = app;\ncreate table t (id int)' }

  test('is not refused for a table of that name in another schema', async ({ db }) => {
    await db.query('create schema app; create table public.t (id int)')
    db.files(transactional)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual(['app.t', 'public.t'])
  })

  test.for([
    ['set search_path = app, public', 'create table t (id int)'],
    ['set search_path = app, public', 'create table "T.t" (id int)'],
    ['set search_path = nowhere, app, public', 'create view t as select 1 as id'],
  ])('is not refused for what a later schema of the path has (%s; %s)', async ([set, create], { db }) => {
    await db.query(`create schema app; set search_path = public; ${create}`)
    db.files({ '001_t.sql': `${set};\n${create}` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
  })

  test.for([
    'set search_path = app',
    'set search_path = nowhere, app, public',
    "select pg_catalog.set_config('search_path', 'app', false)",
    "set local schema 'app'",
  ])('is refused when the schema that the file sets (%s) has it', async (set, { db }) => {
    await db.query('create schema app; create table app.t (id int)')
    db.files({ '001_t.sql': `${set};\ncreate table t (id int)`, '002_u.sql': 'create table u (id int)' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('upfront baseline --to 001_t')
    expect(await db.tables()).toEqual(['app.t'])
  })
})
