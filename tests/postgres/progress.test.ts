import { describe, expect } from 'vitest'
import { test } from '../support/database.ts'

/** A table of 75 pages, and a function that takes 15 ms for a row of it. */
const table = `
  create table wide (id int primary key, filler text);
  alter table wide alter filler set storage plain;
  insert into wide select i, repeat('x', 1900) from generate_series(1, 300) i;
  create function slowly(n int) returns int immutable language plpgsql as
    'begin perform pg_sleep(0.015); return n; end'`
const scanning = String.raw`building index: scanning table, \d{1,2} %`

const cases = [
  ['an index', 'create index on wide (slowly(id))', `create index: ${scanning}`],
  ['an index made concurrently', 'create index concurrently on wide (slowly(id))', `create index: ${scanning}`],
  ['a COPY', `copy (select slowly(id) from wide) to '/dev/null'`, 'copy: COPY TO'],
  [
    'a VACUUM',
    '-- upfront:no-transaction\nset vacuum_cost_delay = 35; set vacuum_cost_limit = 1; vacuum wide',
    String.raw`vacuum: scanning heap, \d{1,2} %`,
  ],
  ['a CLUSTER', 'cluster wide using wide_pkey', 'cluster: rebuilding index'],
  ['anything else', 'select pg_sleep(5)', 'Timeout: PgSleep'],
] as const

describe.concurrent('what takes long says how far it is, or what it waits for', () => {
  test.for(cases)('%s', async ([what, sql, said], { db }) => {
    await db.query(table)
    if (what === 'a CLUSTER') await db.query('create index on wide (slowly(id))')
    db.files({ '001_long.sql': sql })

    const { exitCode, stderr } = await db.up()

    expect(exitCode, stderr).toBe(0)
    expect(stderr).toMatch(new RegExp(`^running {8}001_long {2}[3-5]\\.\\d s: ${said}$`, 'm'))
  })
})
