import { expect } from 'vitest'
import { tern } from '../../../src/history/adopt/tools/tern.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) => `create table if not exists ${table} (version int4 not null primary key)`
const files = [file('1'), file('2'), file('3')]

describeAdopter(tern, {
  schema: 'public',
  name: 'schema_version',
  create,
  insert: (to) => `insert into ${to} values (2)`,
  rows: [row('2', 'version 2', { covers: true })],
  // Flyway's, up to version 4.
  stranger: (to) => `create table ${to} (version varchar(50), description varchar(200))`,
})

test('everything up to the number is applied, nothing at 0, and a number without a file is unknown', async ({ db }) => {
  await db.query(`${create('public.schema_version')}; insert into schema_version values (0)`)
  expect(await adopt(tern, db, files)).toEqual(nothing)
  await db.query('update schema_version set version = 2')
  expect(await adopt(tern, db, files)).toEqual({ ...nothing, adopted: ['1', '2'] })
  await db.query('update schema_version set version = 4')
  expect(await adopt(tern, db, files)).toEqual({ ...nothing, adopted: ['1', '2', '3'], unknown: ['version 4'] })
})

test('a table with a further column is not its own', async ({ db }) => {
  await db.query('create table public.schema_version (version int4 not null, applied_at timestamptz)')
  expect(await adopt(tern, db, files)).toBe(null)
})
