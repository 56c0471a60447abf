import { describe, expect } from 'vitest'
import { drizzle } from '../../../src/history/adopt/tools/drizzle.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const table = 'drizzle.__drizzle_migrations'
const old = (to: string) => `create table ${to} (id serial primary key, hash text not null, created_at bigint)`
const upgrade = `alter table ${table} add column name text, add column applied_at timestamptz default now(),
  add column version integer`
const [first, second] = [Date.UTC(2026, 0, 2, 3, 4, 5, 678), Date.UTC(2026, 0, 3, 3, 4, 5, 123)]

describeAdopter(drizzle, {
  schema: 'drizzle',
  name: '__drizzle_migrations',
  create: old,
  insert: (to) => `insert into ${to} (hash, created_at) values ('aa', 1700000000000), ('bb', 1700000000001)`,
  rows: [
    row('1700000000000', 'row 1 (created_at 1700000000000)', { hash: 'aa' }),
    row('1700000000001', 'row 2 (created_at 1700000000001)', { hash: 'bb' }),
  ],
  stranger: (to) => `create table ${to} (id serial, name text)`,
})

describe('a table of drizzle-orm up to 0.45', () => {
  const rows = (values: string) => `create schema drizzle; ${old(table)};
    insert into ${table} (hash, created_at) values ${values}`

  test('goes with a journal by its times, and tells what was edited and what was passed over', async ({ db }) => {
    await db.query(rows(`('aa', 1000), ('bb', 3000), ('gone', 2500)`))
    const files = [file('1000', 'aa'), file('2000', 'cc'), file('3000', 'edited'), file('4000', 'dd')]
    expect(await adopt(drizzle, db, files)).toEqual({
      ...nothing,
      adopted: ['1000'],
      edited: ['3000'],
      skipped: ['2000'],
      unknown: ['row 3 (created_at 2500)'],
    })
  })

  test('goes with a journal whose times were made anew by the texts', async ({ db }) => {
    await db.query(rows(`('aa', 1000)`))
    expect(await adopt(drizzle, db, [file('1500', 'aa')])).toEqual({ ...nothing, adopted: ['1500'] })
  })

  test('goes with none of several files of one text, and a second row of one file says nothing new', async ({ db }) => {
    await db.query(rows(`('same', 9), ('aa', 1000), ('aa', 1001)`))
    const files = [file('1000', 'aa'), file('2000', 'same'), file('3000', 'same')]
    expect(await adopt(drizzle, db, files)).toEqual({
      ...nothing,
      adopted: ['1000'],
      unknown: ['row 1 (created_at 9)'],
    })
  })

  test('goes with two entries of one time by their texts', async ({ db }) => {
    await db.query(rows(`('bb', 1000), ('aa', 1000)`))
    const files = [file('1000', 'aa'), file('1000', 'bb')]
    expect(await adopt(drizzle, db, files)).toEqual({ ...nothing, adopted: ['1000', '1000'] })
  })

  test('goes with the folders of 1.0 by the second, and in one second by the text', async ({ db }) => {
    await db.query(rows(`('aa', ${first}), ('bb', ${second}), ('cc', ${second + 1}), ('dd', 5)`))
    const files = [
      file('20260102030405_a', 'edited'),
      file('20260103030405_c', 'cc'),
      file('20260103030405_b', 'bb'),
      file('20260104000000_d', 'dd'),
      file('20250101000000_older', 'ee'),
    ]
    expect(await adopt(drizzle, db, files)).toEqual({
      ...nothing,
      adopted: ['20260103030405_c', '20260103030405_b', '20260104000000_d'],
      edited: ['20260102030405_a'],
    })
  })
})

describe('a table of drizzle-orm 1.0', () => {
  const rows = (values: string) => `create schema drizzle; ${old(table)}; ${upgrade};
    insert into ${table} (hash, created_at, name) values ${values}`

  test('goes with folders by their names alone', async ({ db }) => {
    await db.query(rows(`('aa', ${first}, '20260102030405_a'), ('bb', ${second}, '20260103030405_gone')`))
    const files = [file('20260102030405_a', 'aa'), file('20260103030405_other', 'bb'), file('20250101000000_o', 'x')]
    expect(await adopt(drizzle, db, files)).toEqual({
      ...nothing,
      adopted: ['20260102030405_a'],
      unknown: ['20260103030405_gone'],
    })
  })

  test('goes with a journal by the times that it keeps beside the names', async ({ db }) => {
    await db.query(rows(`('aa', ${first}, '20260102030405_a'), ('bb', ${second}, null)`))
    const files = [file(String(first), 'aa'), file(String(second), 'edited')]
    expect(await adopt(drizzle, db, files)).toEqual({ ...nothing, adopted: [String(first)], edited: [String(second)] })
  })

  test('has a row without a name where its upgrade found no file, and that is unknown', async ({ db }) => {
    await db.query(rows(`('aa', 7, null)`))
    expect(await adopt(drizzle, db, [file('20260102030405_a', 'bb')])).toEqual({
      ...nothing,
      unknown: ['row 1 (created_at 7)'],
    })
  })
})
