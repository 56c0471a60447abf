import { expect } from 'vitest'
import { lockKey, sqlx } from '../../../src/history/adopt/tools/sqlx.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

const create = (table: string) => `create table if not exists ${table} (version bigint primary key,
  description text not null, installed_on timestamptz not null default now(), success boolean not null,
  checksum bytea not null, execution_time bigint not null)`
const table = 'public._sqlx_migrations'

describeAdopter(sqlx, {
  schema: 'public',
  name: '_sqlx_migrations',
  create,
  insert: (to) => `insert into ${to} values (2, 'later', '2026-01-02', true, '\\x00ff', -1),
    (20260101, 'add users', '2026-01-01', true, '\\xabcd', 5)`,
  rows: [row('20260101', '20260101 add users', { hash: 'abcd' }), row('2', '2 later', { hash: '00ff' })],
  stranger: (to) => `create table ${to} (version bigint primary key, checksum text)`,
})

test('a row without success is failed, another checksum is an edit, and a version without a file unknown', async ({
  db,
}) => {
  await db.query(`${create(table)}; insert into ${table} (version, description, success, checksum, execution_time)
    values (1, 'a', true, '\\x0a', 1), (2, 'b', true, '\\x0b', 1), (3, 'c', false, '\\x0c', -1), (4, 'd', true, '\\x0d', 1)`)
  expect(await adopt(sqlx, db, [file('1', '0a'), file('2', 'ff'), file('3', '0c')])).toEqual({
    ...nothing,
    adopted: ['1'],
    edited: ['2'],
    failed: ['3'],
    unknown: ['4 d'],
  })
})

test('its lock depends on the database alone', async ({ db }) => {
  expect(await withSession(db, sqlx.lock!)).toEqual({ key: lockKey(db.name) })
})
