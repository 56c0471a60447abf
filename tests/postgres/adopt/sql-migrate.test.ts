import { expect } from 'vitest'
import { sqlMigrate } from '../../../src/history/adopt/tools/sql-migrate.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) =>
  `create table if not exists ${table} ("id" text not null primary key, "applied_at" timestamp with time zone)`

describeAdopter(sqlMigrate, {
  schema: 'public',
  name: 'gorp_migrations',
  create,
  insert: (to) => `insert into ${to} values ('2_b.sql', '2026-01-01'), ('1_a.sql', '2026-01-02')`,
  rows: [row('2_b.sql'), row('1_a.sql')],
  stranger: (to) => `create table ${to} (id bigint, applied_at timestamptz)`,
})

test('names of files decide, and a row without a file is unknown', async ({ db }) => {
  await db.query(
    `${create('public.gorp_migrations')}; insert into gorp_migrations values ('1_a.sql', now()), ('2_b.sql', now())`,
  )
  expect(await adopt(sqlMigrate, db, [file('1_a.sql'), file('3_c.sql')])).toEqual({
    ...nothing,
    adopted: ['1_a.sql'],
    unknown: ['2_b.sql'],
  })
})
