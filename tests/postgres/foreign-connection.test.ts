// A server that a migration reaches by itself, a foreign one or a publisher, and that is not there.
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

/** Nobody listens there. */
const nowhere = "host '127.0.0.1', port '1'"

async function addServer(db: Database) {
  await db.query(`create extension postgres_fdw; create server far foreign data wrapper postgres_fdw options (${nowhere});
    create user mapping for public server far options (user 'x', password 'x');
    create foreign table far (id int) server far`)
}

const ways = {
  'in a transaction': { '002_far.sql': "set local work_mem = '8MB'; insert into far values (1)" },
  'in a message of several': {
    '002_far.sql': 'insert into far values (1)',
    '003_near.sql': 'create table near (id int)',
  },
  'outside of one': { '002_far.sql': '-- upfront:no-transaction\nselect 1; insert into far values (1)' },
  'in a module': { '002_far.js': "export const up = (client) => client.query('insert into far values (1)')" },
  'in a publisher': {
    '002_far.sql': "create subscription s connection 'host=127.0.0.1 port=1 dbname=x password=x' publication p",
  },
}

test.for(Object.entries(ways))(
  'a foreign server that cannot be reached %s is a failure of the migration, not a lost connection of ours',
  async ([, files], { db }) => {
    await addServer(db)
    db.files({ '001_first.sql': 'create table first (id int)', ...files })
    const { exitCode, stderr } = await db.up()
    expect([22, 23], stderr).toContain(exitCode)
    expect(stderr).toMatch(/ERROR 0800[16]:/)
    expect(stderr).not.toMatch(/^disconnected/m)
    expect((await db.history())!.filter((row) => row.endsWith('applied'))).toEqual(['migration 001_first applied'])
  },
)
