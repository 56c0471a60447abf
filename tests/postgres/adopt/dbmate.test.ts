import { expect } from 'vitest'
import { dbmate } from '../../../src/history/adopt/tools/dbmate.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) => `create table if not exists ${table} (version varchar primary key)`

describeAdopter(dbmate, {
  schema: 'public',
  name: 'schema_migrations',
  create,
  insert: (to) => `insert into ${to} values ('20260102'), ('20260101')`,
  rows: [row('20260101', 'version 20260101'), row('20260102', 'version 20260102')],
  // golang-migrate's.
  stranger: (to) => `create table ${to} (version bigint not null primary key, dirty boolean not null)`,
})

test('a version is applied when its very text is there', async ({ db }) => {
  await db.query(`${create('public.schema_migrations')}; insert into schema_migrations values ('001'), ('3')`)
  expect(await adopt(dbmate, db, [file('001'), file('2'), file('003')])).toEqual({
    ...nothing,
    adopted: ['001'],
    unknown: ['version 3'],
  })
})
