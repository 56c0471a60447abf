import { expect } from 'vitest'
import { knex } from '../../../src/history/adopt/tools/knex.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) => `create table ${table} ("id" serial primary key, "name" varchar(255),
  "batch" integer, "migration_time" timestamptz)`

describeAdopter(knex, {
  schema: 'public',
  name: 'knex_migrations',
  create,
  insert: (to) => `insert into ${to} (name, batch, migration_time) values ('2_b.js', 1, now()), ('1_a.js', 2, now())`,
  rows: [row('2_b.js'), row('1_a.js')],
  stranger: (to) => `create table ${to} (id serial, name varchar)`,
})

test('a name belongs to the file that has another extension now', async ({ db }) => {
  await db.query(
    `${create('public.knex_migrations')}; insert into knex_migrations (name) values ('1_a.ts'), ('2_b.ts')`,
  )
  expect(await adopt(knex, db, [file('1_a.js'), file('3_c.js')])).toEqual({
    ...nothing,
    adopted: ['1_a.js'],
    unknown: ['2_b.ts'],
  })
})
