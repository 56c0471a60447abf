// What the server refuses before it has executed anything, in a file outside a transaction.
import pg from 'pg'
import { describe, expect, inject } from 'vitest'
import { test } from '../support/database.ts'

const marker = '-- upfront:no-transaction\n'

describe('an error before execution leaves nothing, and is told with its place', () => {
  test.for([
    ['LATIN1', `insert into a values ('x');\n  insert into a values ('€')`],
    ['LATIN1', `begin;\n  insert into a values ('x'); insert into a values ('€'); commit`],
  ])('a character that %s lacks', async ([encoding, sql], { db }) => {
    const name = `${db.name}_encoded`
    const admin = new pg.Client({ connectionString: inject('postgresUrl') })
    await admin.connect()
    try {
      await admin.query(`create database ${name} encoding '${encoding}' locale 'C' template template0`)
      const env = { UPFRONT_DATABASE_URL: db.urlOf({ database: name }) }
      const before = 'create table a (t text)'
      db.files({ '001_a.sql': before })
      expect((await db.up([], env)).exitCode).toBe(0)
      db.files({ '001_a.sql': before, '002_b.sql': `${marker}${sql}` })
      const { exitCode, stderr } = await db.up([], env)
      expect(exitCode, stderr).toBe(sql!.startsWith('begin') ? 22 : 23)
      expect(stderr).toContain('22P05')
      if (!sql!.startsWith('begin')) expect(stderr).toContain('stopped after 1 of 2 statements')
      const client = new pg.Client({ connectionString: env.UPFRONT_DATABASE_URL })
      await client.connect()
      const { rows } = await client.query('select t from a')
      await client.end()
      expect(rows).toEqual(sql!.startsWith('begin') ? [] : [{ t: 'x' }])
    } finally {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
    }
  })

  test('a name that does not exist, in the middle of a block: the place is that name', async ({ db }) => {
    db.files({ '001_a.sql': `${marker}begin;\n  create table a ();\n  select nosuch from a;\ncommit;` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('001_a.sql:4:10')
    expect(await db.tables()).toEqual([])
  })
})
