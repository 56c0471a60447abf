import { expect } from 'vitest'
import { flyway, lockKey } from '../../../src/history/adopt/tools/flyway.ts'
import { type Database, test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row, withSession } from './describe-adopter.ts'

const create = (table: string) => `create table ${table} ("installed_rank" int not null, "version" varchar(50),
  "description" varchar(200) not null, "type" varchar(20) not null, "script" varchar(1000) not null, "checksum" integer,
  "installed_by" varchar(100) not null, "installed_on" timestamp not null default now(),
  "execution_time" integer not null, "success" boolean not null, primary key ("installed_rank"))`
const table = 'public.flyway_schema_history'

type Row = readonly [version: string | null, type: string, checksum: number | null, success?: boolean, what?: string]

const insert = (to: string, rows: readonly Row[]) => {
  const values = rows.map(([version, type, checksum, success = true, what = 'x'], i) => {
    const text = version === null ? 'null' : `'${version}'`
    return `(${i}, ${text}, '${what}', '${type}', '${type} ${version ?? what}', ${checksum}, 'me', 1, ${success})`
  })
  return `insert into ${to} (installed_rank, version, description, type, script, checksum, installed_by, execution_time,
    success) values ${values.join(', ')}`
}

async function fill(db: Database, ...rows: readonly Row[]): Promise<void> {
  await db.query(`${create(table)}; ${insert(table, rows)}`)
}

describeAdopter(flyway, {
  schema: 'public',
  name: 'flyway_schema_history',
  create,
  insert: (to) =>
    insert(to, [
      [null, 'SCHEMA', null, true, '<< Flyway Schema Creation >>'],
      ['1.0', 'SQL', -5],
      ['2', 'JDBC', null],
      [null, 'SQL', 7, true, 'a view'],
    ]),
  rows: [row('1', 'SQL 1.0', { hash: '-5' }), row('2', 'JDBC 2'), row('a view', 'SQL a view', { hash: '7' })],
  stranger: (to) => `create table ${to} (version int, success boolean)`,
})

test('versions are the same without the zeros that mean nothing, and with underscores', async ({ db }) => {
  await fill(db, ['1.0', 'SQL', 1], ['1_2', 'SQL', 2], ['2026.01.10', 'SQL', 3], ['10', 'SQL', 4], ['0', 'SQL', 5])
  const files = [file('0', '5'), file('1', '1'), file('1.2', '2'), file('10', '4'), file('2026.1.10', '3')]
  expect((await adopt(flyway, db, files))!.adopted).toEqual(['0', '1', '1.2', '10', '2026.1.10'])
})

test('an edited text and a failed one are told, and a version without a file is unknown', async ({ db }) => {
  await fill(db, ['1', 'SQL', 1], ['2', 'SQL', 2, false], ['3', 'SQL', 3])
  expect(await adopt(flyway, db, [file('1', '9'), file('2', '2'), file('4', '4')])).toEqual({
    ...nothing,
    edited: ['1'],
    failed: ['2'],
    unknown: ['SQL 3'],
  })
})

test('a version that was undone or deleted is pending until it is applied again', async ({ db }) => {
  await fill(
    db,
    ...([
      ['1', 'SQL', 1],
      ['2', 'SQL', 2],
      ['3', 'SQL', 3],
      ['4', 'SQL', 4],
    ] as const),
    ...([
      ['4', 'UNDO_SQL', 40],
      ['3', 'DELETE', null],
      ['2', 'UNDO_SQL', 20],
      ['2', 'SQL', 2],
    ] as const),
    ['1', 'UNDO_SQL', 10, false],
  )
  const files = ['1', '2', '3', '4'].map((key) => file(key, key))
  expect(await adopt(flyway, db, files)).toEqual({ ...nothing, adopted: ['2'], failed: ['1'] })
})

test('a baseline stands for every version up to its own, whether that has a file or not', async ({ db }) => {
  await fill(
    db,
    ['1.9', 'BASELINE', null, true, '<< Flyway Baseline >>'],
    ['3', 'SQL', 3],
    ['2', 'SQL_BASELINE', 5, false],
  )
  const files = [file('1.2', '1'), file('1.10', '2'), file('3', '3')]
  expect(await adopt(flyway, db, files)).toEqual({ ...nothing, adopted: ['1.2', '3'] })
  await db.query(
    `insert into ${table} values (9, '1.10', 'b', 'SQL_BASELINE', 'B1.10__b.sql', 77, 'me', now(), 1, true)`,
  )
  expect(await adopt(flyway, db, files)).toEqual({ ...nothing, adopted: ['1.2', '1.10', '3'] })
})

test('of a repeatable migration the newest row counts, and one that was edited since is due again', async ({ db }) => {
  await fill(db, [null, 'SQL', 1, true, 'a'], [null, 'SQL', 2, true, 'a'], [null, 'SQL', 1, true, '2fa view'])
  expect(await adopt(flyway, db, [file('a', '2'), file('2fa view', '9')])).toEqual({ ...nothing, adopted: ['a'] })
  await db.query(`insert into ${table} values (9, null, 'a', 'DELETE', 'a', null, 'me', now(), 1, true)`)
  expect(await adopt(flyway, db, [file('a', '2'), file('2fa view', '9')])).toEqual(nothing)
})

test('its lock depends on the schema that has the table or would get it', async ({ db }) => {
  const key = (schema: string) => ({ key: lockKey(schema, 'flyway_schema_history') })
  await db.query('create schema app; create schema old')
  expect(await withSession(db, flyway.lock!)).toEqual(key('public'))
  expect(await withSession(db, flyway.lock!, { searchPath: 'app, old' })).toEqual(key('app'))
  await db.query(create('old.flyway_schema_history'))
  expect(await withSession(db, flyway.lock!, { searchPath: 'app, old' })).toEqual(key('old'))
})
