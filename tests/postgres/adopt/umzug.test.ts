import { expect } from 'vitest'
import { umzug } from '../../../src/history/adopt/tools/umzug.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) => `create table if not exists ${table} ("name" varchar(255) not null unique,
  primary key ("name"))`

describeAdopter(umzug, {
  schema: 'public',
  name: '"SequelizeMeta"',
  create,
  insert: (to) => `insert into ${to} values ('2_b.js'), ('1_a.js')`,
  rows: [row('1_a.js'), row('2_b.js')],
  stranger: (to) => `create table ${to} (id int)`,
})

test('a name belongs to the file that has another extension now', async ({ db }) => {
  await db.query(`${create('public."SequelizeMeta"')}; insert into "SequelizeMeta" values ('1_a.js'), ('2_b.js')`)
  expect(await adopt(umzug, db, [file('1_a.ts'), file('3_c.ts')])).toEqual({
    ...nothing,
    adopted: ['1_a.ts'],
    unknown: ['2_b.js'],
  })
})
