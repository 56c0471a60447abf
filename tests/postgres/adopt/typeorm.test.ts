import { expect } from 'vitest'
import { typeorm } from '../../../src/history/adopt/tools/typeorm.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) => `create table ${table} ("id" serial not null, "timestamp" bigint not null,
  "name" character varying not null, primary key ("id"))`

describeAdopter(typeorm, {
  schema: 'public',
  name: 'migrations',
  create,
  insert: (to) => `insert into ${to} ("timestamp", name) values (1700000000002, 'B1700000000002'),
    (1700000000001, 'A1700000000001')`,
  rows: [row('1700000000002', 'B1700000000002'), row('1700000000001', 'A1700000000001')],
  // Laravel's.
  stranger: (to) =>
    `create table ${to} (id serial primary key, migration varchar(255) not null, batch integer not null)`,
})

test('the time decides, and a row without a file is unknown', async ({ db }) => {
  await db.query(
    `${create('public.migrations')}; insert into migrations ("timestamp", name) values (1, 'A1'), (2, 'B2')`,
  )
  expect(await adopt(typeorm, db, [file('1'), file('3')])).toEqual({ ...nothing, adopted: ['1'], unknown: ['B2'] })
})
