// The schema is looked at after each migration, by a session of its own: what may happen to it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { describeSchema } from '../../src/catalog/describe.ts'
import type { Prepared } from '../../src/catalog/describe/transaction.ts'
import type { SchemaStory } from '../../src/schema/steps.ts'
import { type Database, test } from '../support/database.ts'
import { all, describeDatabase } from '../support/describe.ts'
import { withSession } from './adopt/describe-adopter.ts'

const files = {
  '1_a.sql': 'create schema app; create table app.a (id bigint primary key)',
  '2_b.sql': 'create table app.b (a bigint references app.a)',
  '3_c.sql': 'alter table app.a rename to z; create view app.v as select id from app.z',
}

/** What each migration puts, by its name. */
async function storyOf(db: Database, of: Readonly<Record<string, string>>, shadow = inject('postgresUrl')) {
  db.files(of)
  const { exitCode, stderr } = await db.run(['compile', '--schema', '--out', 'bundle'], {
    UPFRONT_SHADOW_DATABASE_URL: shadow,
  })
  expect(exitCode, stderr).toBe(0)
  const { steps } = JSON.parse(readFileSync(join(db.dir, 'bundle/migrations/schema.json'), 'utf8')) as SchemaStory
  return steps.map(({ put, gone }) => ({ put: put.filter(({ kind }) => kind !== 'owner'), gone }))
}

test('questions that stay prepared see whatever has changed since, and the renamed in what refers to it', async ({
  db,
}) => {
  const prepared: Prepared = new Map()
  await withSession(db, async (session) => {
    for (const sql of ['', ...Object.values(files), 'drop schema app cascade', files['1_a.sql']]) {
      await db.query(sql)
      expect(await describeSchema(session, { ...all, prepared })).toEqual(await describeDatabase(db))
    }
    const [row] = await session.query<{ count: number }>('select count(*)::int from pg_prepared_statements')
    expect(row!.count).toBe(prepared.size)
    expect(prepared.size).toBeGreaterThan(20)
  })
})

test('who may not look at everything is told so again and again', async ({ db }) => {
  await db.query(files['1_a.sql'])
  await db.query('revoke select on pg_policy from public')
  const role = await db.role('login')
  const prepared: Prepared = new Map()
  await withSession(
    db,
    async (session) => {
      for (let i = 0; i < 2; i += 1) {
        const { unseen, objects } = await describeSchema(session, { ...all, prepared })
        expect(unseen).toContain('the role may not read pg_policy: policies were not looked at')
        expect(objects.length).toBeGreaterThan(3)
      }
    },
    { url: db.urlOf(role) },
  )
})

test('the story is the same when a migration ends every other session, forgets what is prepared or takes its names', async ({
  db,
}) => {
  const expected = await storyOf(db, files)
  const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  for (const rude of [
    `do 'begin perform from (${others}) o; end'`,
    'deallocate all',
    'prepare upfront_describe_0 as select 1',
  ]) {
    const steps = await storyOf(db, { ...files, '1_b.sql': `-- upfront:allow session-state a test\n${rude}` })
    expect(steps.filter(({ put }) => put.length > 0)).toEqual(expected)
  }
})

test('and when the role may have one connection', async ({ db }) => {
  const expected = await storyOf(db, files)
  const role = await db.role('login createdb connection limit 1')
  expect(await storyOf(db, files, db.urlOf(role))).toEqual(expected)
})
