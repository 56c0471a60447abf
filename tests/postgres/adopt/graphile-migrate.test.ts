import { expect } from 'vitest'
import { graphileMigrate } from '../../../src/history/adopt/tools/graphile-migrate.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

const table = 'graphile_migrate.migrations'
const create = (to: string) => `create table ${to} (hash text primary key, previous_hash text references ${to},
  filename text not null, date timestamptz not null default now())`

describeAdopter(graphileMigrate, {
  schema: 'graphile_migrate',
  onlyThere: true,
  name: 'migrations',
  create,
  insert: (to) => `insert into ${to} (hash, previous_hash, filename) values ('sha1:aa', null, '000001.sql'),
    ('sha1:bb', 'sha1:aa', '000002.sql')`,
  rows: [row('000001.sql', '000001.sql', { hash: 'sha1:aa' }), row('000002.sql', '000002.sql', { hash: 'sha1:bb' })],
  // TypeORM's.
  stranger: (to) => `create table ${to} (id serial primary key, "timestamp" bigint not null, name varchar not null)`,
})

test('another hash is an edit, and a row without a file is unknown', async ({ db }) => {
  await db.query(`create schema graphile_migrate; ${create(table)}; insert into ${table} values
    ('sha1:aa', null, '000001.sql'), ('sha1:bb', 'sha1:aa', '000002.sql'), ('sha1:cc', 'sha1:bb', '000003.sql')`)
  expect(await adopt(graphileMigrate, db, [file('000001.sql', 'sha1:aa'), file('000002.sql', 'sha1:other')])).toEqual({
    ...nothing,
    adopted: ['000001.sql'],
    edited: ['000002.sql'],
    unknown: ['000003.sql'],
  })
  expect(await withSession(db, graphileMigrate.lock!)).toEqual({ key: 4_727_445_306_447_283n })
})
