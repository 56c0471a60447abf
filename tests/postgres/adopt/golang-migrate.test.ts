import { expect } from 'vitest'
import { golangMigrate, lockKey } from '../../../src/history/adopt/tools/golang-migrate.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

const create = (table: string) => `create table ${table} (version bigint not null primary key, dirty boolean not null)`
const table = 'public.schema_migrations'
const files = [file('1'), file('3'), file('20')]

describeAdopter(golangMigrate, {
  schema: 'public',
  name: 'schema_migrations',
  create,
  insert: (to) => `insert into ${to} values (20260102030405, false)`,
  rows: [row('20260102030405', 'version 20260102030405', { covers: true })],
  // dbmate's and Rails'.
  stranger: (to) => `create table ${to} (version varchar(128) primary key)`,
})

test('everything up to the version is applied, and nothing behind it', async ({ db }) => {
  await db.query(`${create(table)}; insert into ${table} values (3, false)`)
  expect(await adopt(golangMigrate, db, files)).toEqual({ ...nothing, adopted: ['1', '3'] })
})

test('a version without a file is unknown, and what is before it is applied', async ({ db }) => {
  await db.query(`${create(table)}; insert into ${table} values (4, false)`)
  expect(await adopt(golangMigrate, db, files)).toEqual({ ...nothing, adopted: ['1', '3'], unknown: ['version 4'] })
})

test('a dirty version is failed, and what is before it is applied', async ({ db }) => {
  await db.query(`${create(table)}; insert into ${table} values (3, true)`)
  expect(await adopt(golangMigrate, db, files)).toEqual({ ...nothing, adopted: ['1'], failed: ['3'] })
})

test('dirty before all versions means that taking back the first one stopped', async ({ db }) => {
  await db.query(`${create(table)}; insert into ${table} values (-1, true)`)
  expect(await adopt(golangMigrate, db, files)).toEqual({ ...nothing, failed: ['1'] })
})

test("Ecto's table is not golang-migrate's", async ({ db }) => {
  await db.query(`create table ${table} (version bigint primary key, inserted_at timestamp)`)
  expect(await adopt(golangMigrate, db, files)).toBe(null)
})

test('its lock depends on the database, on the schema that has the table or would get it, and on the table', async ({
  db,
}) => {
  const key = (schema: string) => ({ key: lockKey(`/${db.name}`, schema, 'schema_migrations') })
  await db.query('create schema app; create schema old')
  expect(await withSession(db, golangMigrate.lock!)).toEqual(key('public'))
  expect(await withSession(db, golangMigrate.lock!, { searchPath: 'app, old' })).toEqual(key('app'))
  await db.query(create('old.schema_migrations'))
  expect(await withSession(db, golangMigrate.lock!, { searchPath: 'app, old' })).toEqual(key('old'))
  expect(await withSession(db, golangMigrate.lock!, { searchPath: 'nowhere' })).toBe(null)
})
