import { expect } from 'vitest'
import { supabase } from '../../../src/history/adopt/tools/supabase.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

describeAdopter(supabase, {
  schema: 'supabase_migrations',
  onlyThere: true,
  name: 'schema_migrations',
  create: (table) => `create table ${table} (version text not null primary key);
    alter table ${table} add column if not exists statements text[];
    alter table ${table} add column if not exists name text`,
  insert: (to) => `insert into ${to} values ('20260102000000', '{select 1}', 'b'), ('20260101000000', null, null)`,
  rows: [row('20260101000000', 'version 20260101000000'), row('20260102000000', 'version 20260102000000')],
  // golang-migrate's.
  stranger: (to) => `create table ${to} (version bigint not null primary key, dirty boolean not null)`,
})

test('its table of the time without statements is read too, and one in public is not its own', async ({ db }) => {
  await db.query(`create table schema_migrations (version text not null primary key)`)
  expect(await withSession(db, supabase.read)).toBe(null)
  await db.query(`create schema supabase_migrations; create table supabase_migrations.schema_migrations
    (version text not null primary key); insert into supabase_migrations.schema_migrations values ('1'), ('2')`)
  expect(await adopt(supabase, db, [file('1'), file('3')])).toEqual({
    ...nothing,
    adopted: ['1'],
    unknown: ['version 2'],
  })
})
