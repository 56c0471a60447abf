import { expect } from 'vitest'
import { prisma } from '../../../src/history/adopt/tools/prisma.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

const create = (table: string) => `create table ${table} (id varchar(36) primary key not null,
  checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null, logs text,
  rolled_back_at timestamptz, started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0)`
const table = 'public._prisma_migrations'

/** A row as `migrate deploy` leaves it: begun at that minute, and then finished, rolled back, or neither. */
const insert = (minute: number, name: string, checksum: string, end: 'finished' | 'rolled back' | '') => `
  insert into ${table} (id, checksum, migration_name, started_at, finished_at, rolled_back_at, applied_steps_count)
  values (gen_random_uuid()::text, '${checksum}', '${name}', '2026-01-01 00:${minute}',
    ${end === 'finished' ? 'now()' : 'null'}, ${end === 'rolled back' ? 'now()' : 'null'}, 1);`

describeAdopter(prisma, {
  schema: 'public',
  name: '_prisma_migrations',
  create,
  insert: (to) =>
    (insert(11, '20260101_b', 'bb', 'finished') + insert(10, '0_init', 'aa', 'finished')).replaceAll(table, to),
  rows: [row('0_init', '0_init', { hash: 'aa' }), row('20260101_b', '20260101_b', { hash: 'bb' })],
  stranger: (to) => `create table ${to} (id int, migration_name text)`,
})

test('what prisma rolled back is pending, and what it applied again after that is applied', async ({ db }) => {
  await db.query(
    create(table) +
      ';' +
      insert(10, 'a', 'aa', 'rolled back') +
      insert(11, 'a', 'aa', 'finished') +
      insert(12, 'b', 'bb', 'rolled back'),
  )
  expect(await adopt(prisma, db, [file('a', 'aa'), file('b', 'bb')])).toEqual({ ...nothing, adopted: ['a'] })
})

test('a row that did not finish is failed, also beside an earlier one that did, and without a file unknown', async ({
  db,
}) => {
  await db.query(
    create(table) +
      ';' +
      insert(10, 'a', 'aa', '') +
      insert(11, 'a', 'aa', 'finished') +
      insert(12, 'b', 'bb', '') +
      insert(13, 'gone', 'cc', ''),
  )
  expect(await adopt(prisma, db, [file('a', 'aa'), file('b', 'bb')])).toEqual({
    ...nothing,
    failed: ['a', 'b'],
    unknown: ['gone'],
  })
})

test('a text that has another checksum is edited, and one of early versions without zeros is not', async ({ db }) => {
  const padded = `0a${'ff'.repeat(30)}00`
  await db.query(
    create(table) + ';' + insert(10, 'a', `a${'ff'.repeat(30)}0`, 'finished') + insert(11, 'b', 'bb', 'finished'),
  )
  expect(await adopt(prisma, db, [file('a', padded), file('b', 'b0')])).toEqual({
    ...nothing,
    adopted: ['a'],
    edited: ['b'],
  })
})

test("prisma's lock is the one that its engine takes", async ({ db }) => {
  expect(await withSession(db, prisma.lock!)).toEqual({ key: 72_707_369n })
})
