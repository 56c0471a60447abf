import { expect } from 'vitest'
import { atlas } from '../../../src/history/adopt/tools/atlas.ts'
import { test } from '../../support/database.ts'
import { adopt, describeAdopter, file, nothing, row } from './describe-adopter.ts'

const create = (table: string) => `create table ${table} ("version" character varying not null,
  "description" character varying not null, "type" bigint not null default 2, "applied" bigint not null default 0,
  "total" bigint not null default 0, "executed_at" timestamptz not null, "execution_time" bigint not null,
  "error" text null, "error_stmt" text null, "hash" character varying not null, "partial_hashes" jsonb null,
  "operator_version" character varying not null, primary key ("version"))`
const insert = (
  to: string,
  ...rows: readonly (readonly [version: string, what: string, hash: string, rest?: string])[]
) =>
  `insert into ${to} (version, description, hash, type, applied, total, error, executed_at, execution_time,
    operator_version) values ${rows
      .map(
        ([version, what, hash, rest = '2, 1, 1, null']) =>
          `('${version}', '${what}', '${hash}', ${rest}, now(), 1, 'v1')`,
      )
      .join(', ')}`
const table = 'atlas_schema_revisions.atlas_schema_revisions'

describeAdopter(atlas, {
  schema: 'atlas_schema_revisions',
  name: 'atlas_schema_revisions',
  create,
  insert: (to) =>
    insert(
      to,
      ['20260102', 'b', 'hb='],
      ['20260101', '', 'ha='],
      ['.atlas_cloud_identifier', 'x', '', '2, 0, 0, null'],
    ),
  rows: [row('20260101', '20260101', { hash: 'ha=', covers: true }), row('20260102', '20260102_b', { hash: 'hb=' })],
  stranger: (to) => `create table ${to} (version varchar)`,
})

test('a revision that has an error or is not complete is failed', async ({ db }) => {
  await db.query(`create schema atlas_schema_revisions; ${create(table)};
    ${insert(table, ['1', 'a', 'ha'], ['2', 'b', 'hb', '2, 1, 2, null'], ['3', 'c', 'hc', `2, 2, 2, 'no'`], ['4', 'd', 'hd'])}`)
  expect(await adopt(atlas, db, [file('1', 'ha'), file('2', 'hb'), file('3', 'hc'), file('5', 'he')])).toEqual({
    ...nothing,
    adopted: ['1'],
    failed: ['2', '3'],
    unknown: ['4_d'],
  })
})

test('what is older than the baseline counts as applied, and a gap behind it does not', async ({ db }) => {
  await db.query(`create schema atlas_schema_revisions; ${create(table)};
    ${insert(table, ['2', 'b', '', '1, 0, 0, null'], ['4', 'd', 'hd'])}`)
  expect(await adopt(atlas, db, [file('1', 'ha'), file('2', 'hb'), file('3', 'hc'), file('4', 'hd')])).toEqual({
    ...nothing,
    adopted: ['1', '2', '4'],
  })
})
