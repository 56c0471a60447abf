import { expect } from 'vitest'
import { nodePgMigrate } from '../../../src/history/adopt/tools/node-pg-migrate.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

const create = (table: string) =>
  `create table ${table} (id serial primary key, name varchar(255) not null, run_on timestamp not null)`

describeAdopter(nodePgMigrate, {
  schema: 'public',
  name: 'pgmigrations',
  create,
  insert: (to) => `insert into ${to} (name, run_on) values ('1700000000000_a', '2026-01-01'),
    ('1700000000002_c', '2026-01-02'), ('1700000000001_b', '2026-01-02')`,
  rows: [row('1700000000000_a'), row('1700000000002_c'), row('1700000000001_b')],
  stranger: (to) => `create table ${to} (id serial, name varchar, hash varchar)`,
})

test('names decide, and a row without a file is unknown', async ({ db }) => {
  await db.query(
    `${create('public.pgmigrations')}; insert into pgmigrations (name, run_on) values ('1_a', now()), ('2_b', now())`,
  )
  expect(await adopt(nodePgMigrate, db, [file('1_a'), file('3_c')])).toEqual({
    ...nothing,
    adopted: ['1_a'],
    unknown: ['2_b'],
  })
  expect(await withSession(db, nodePgMigrate.lock!)).toEqual({ key: 7_241_865_325_823_964n })
})
