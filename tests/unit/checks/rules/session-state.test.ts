import { describe, expect, test } from 'vitest'
import { findings, layout, problems } from './findings.ts'

const marker = '-- upfront:no-transaction\n'

describe('what a file outside a transaction sets in its session', () => {
  test.each([
    'set search_path = tenant',
    'set role x',
    'set session authorization x',
    'reset role',
    `set time zone 'UTC'`,
    `select pg_catalog.set_config('search_path', '', false)`,
    `select set_config('a.b', 'c', false), pg_advisory_lock(1)`,
    'prepare p as select 1',
    'set session characteristics as transaction isolation level serializable',
  ])('%s is to be set again by whoever goes on', (sql) => {
    const text = `${marker}${sql}; select 1; vacuum a`
    expect(findings(text)).toEqual([])
    expect(layout(text).session!.map(([start, end]) => text.slice(start, end))).toEqual([sql])
  })

  test('also inside a block', () => {
    const text = `${marker}begin; set local a.b = 1; set search_path = tenant; commit; vacuum a`
    expect(layout(text).session!.map(([start, end]) => text.slice(start, end))).toEqual(['set search_path = tenant'])
  })

  test.each([
    'set local search_path = tenant',
    `select set_config('a.b', 'c', true)`,
    'begin; create temp table t (id int) on commit drop; insert into t values (1); commit',
    `begin; insert into a default values; insert into b values (currval('a_id_seq')); commit`,
    `create function f() returns void language sql set search_path = x as 'select 1'`,
    'do $$ begin set local a.b = 1; update a set b = 1; end $$',
  ])('%s leaves nothing behind', (sql) => {
    const text = `${marker}${sql}; vacuum a`
    expect(findings(text)).toEqual([])
    expect(layout(text).session).toEqual([])
  })

  test.each([
    ['create temp table t (id int)', 'ON COMMIT DROP'],
    ['create temporary table t as select 1', 'ordinary table'],
    ['select 1 as x into temp t', 'ordinary table'],
    ['create temp view v as select 1', 'ordinary table'],
    [`insert into b values (currval('a_id_seq'))`, 'BEGIN ... COMMIT block'],
    ['select lastval()', 'INSERT ... RETURNING'],
    [`select set_config('a.b', x, false) from a`, 'a SET of its own'],
    [`do $$ begin perform set_config('search_path', 'x', false); end $$`, 'a statement of its own'],
    [`do $$ begin set search_path = x; end $$`, 'a statement of its own'],
    ['declare c cursor with hold for select 1', 'BEGIN ... COMMIT block'],
  ])('%s is refused, with what to write instead', (sql, next) => {
    expect(findings(`${marker}${sql};\nvacuum a`)).toEqual(['2:1 session-state'])
    expect(problems(`${marker}${sql};\nvacuum a`)[0]!.next).toContain(next)
  })

  test('what is last has nobody behind it, and a file in a transaction or a down loses no session', () => {
    expect(findings(`${marker}vacuum a; create temp table t (id int)`)).toEqual([])
    expect(findings('create temp table t (id int); select 1')).toEqual([])
    expect(findings(`${marker}create temp table t (id int); vacuum a`, 'down')).toEqual([])
  })
})
