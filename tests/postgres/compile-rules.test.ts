// What the compiler refuses is what a real server refuses: its lists are measured, not remembered.
import { describe, expect } from 'vitest'
import { checkSql } from '../../src/checks/check-text.ts'
import { nothingDeclared } from '../../src/checks/declared.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { type Database, test } from '../support/database.ts'
import { alone, fine } from '../unit/checks/rules/alone-statements.ts'
import { add, made, others, uses } from '../unit/checks/rules/enum-statements.ts'

/** The SQLSTATE with which the last of some texts fails in one transaction, null when it does not. */
async function stateOf(db: Database, texts: readonly string[]): Promise<string | null> {
  const client = await db.connect()
  await client.query('begin')
  for (const text of texts.slice(0, -1)) await client.query(text)
  try {
    await client.query(texts.at(-1)!)
    return null
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await client.query('rollback')
  }
}

/** What the statements are about; a partition, a publication and a subscription without a server behind it. */
const objects = `create schema s; create table t (a int) partition by list (a); create table p partition of t for values in (1);
  create materialized view m as select 1 as a; create unique index on m (a); create procedure p() language sql as '';
  create type status as enum ('old')`

describe('alone', () => {
  test('every statement of the list is refused in a transaction', async ({ db }) => {
    const client = await db.connect()
    await client.query(objects)
    await client.query(`create subscription s connection 'host=127.0.0.1 port=1' publication p with (connect = false)`)
    try {
      const accepted: unknown[] = []
      for (const sql of alone) {
        const state = await stateOf(db, [sql])
        // A subscription that is disabled, or has the publication, is refused for that before anything else is looked at.
        const other = sql.startsWith('alter subscription') && (state === '55000' || state === '42710')
        if (state !== '25001' && !other) accepted.push([sql, state])
      }
      expect(accepted).toEqual([])
    } finally {
      await client.query('alter subscription s disable').catch(() => {})
      await client.query('alter subscription s set (slot_name = none)')
      await client.query('drop subscription s')
    }
  })

  test('no statement of the other list is', async ({ db }) => {
    await db.query(objects)
    const states: (readonly [string, string | null])[] = []
    for (const sql of fine) states.push([sql, await stateOf(db, [sql])])
    // REINDEX and CLUSTER are, of a partitioned table: only the catalog knows.
    const partitioned = ['reindex table t', 'cluster t']
    const refused = states.filter(([sql, state]) => state === '25001' && !partitioned.includes(sql))
    expect(refused).toEqual([])
    expect(states.filter(([, state]) => state === '25001').map(([sql]) => sql)).toEqual(['reindex table t'])
  })
})

describe('enum-value', () => {
  test.for(uses)('%s is 55P04 in the transaction of the ADD VALUE', async (sql, { db }) => {
    await db.query(made)
    expect(await stateOf(db, [add, sql])).toBe('55P04')
  })

  test.for(others)('%s is not', async (sql, { db }) => {
    await db.query(
      `${made}; create table u (id int); create table unknown (s text); create type elsewhere as enum ('new')`,
    )
    expect(await stateOf(db, [add, sql])).not.toBe('55P04')
  })
})

describe('long-name', () => {
  const name = 'n'.repeat(64)
  const texts = [
    `create table ${name} (a int)`,
    `create table t (a int, constraint "${name}" check (a > 0))`,
    `select 1 as ${'é'.repeat(32)}`,
    `create function f() returns int language plpgsql as $$ declare ${name} int; begin return 1; end $$`,
    `create function f() returns int language sql as $$ select 1 as ${name} $$`,
    `do $$ begin perform 1 as ${name}; end $$`,
  ]
  test.for([...texts, ...texts.map((text) => text.replaceAll(name, name.slice(1)).replace('é', ''))])(
    '%s is refused when the server would cut a name, and only then',
    async (sql, { db }) => {
      await loadParser()
      const client = await db.connect()
      const notices: (string | undefined)[] = []
      client.on('notice', ({ code }) => notices.push(code))
      await client.query(sql)
      const found = checkSql({ file: 'f.sql', text: sql, role: 'migration' }, nothingDeclared()).problems.map(
        ({ rule }) => rule,
      )
      expect(found).toEqual(notices.includes('42622') ? ['long-name'] : [])
    },
  )
})
