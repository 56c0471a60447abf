import pg from 'pg'
import { databaseFixture } from 'upfront/vitest'
import { test as base } from 'vitest'

/** A pool of connections to a database that only this test has. */
export const test = base.extend(databaseFixture).extend<{ pool: pg.Pool }>({
  pool: async ({ database }, use) => {
    const pool = new pg.Pool({ connectionString: database.url })
    await use(pool)
    // Before the database goes.
    await pool.end()
  },
})
