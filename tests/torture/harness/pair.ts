// Two servers behind one address, neither of which knows of the other.
import pg from 'pg'
import { type Database, withDatabase } from '../../support/database.ts'
import { withServer } from './server.ts'

export interface Pair {
  /** On the server that a run reaches first. */
  readonly here: Database
  readonly herePort: number
  /** The other server's database of that name. */
  readonly there: Pick<Database, 'query'>
  readonly therePort: number
}

/** Two servers that nobody can tell apart by address, name or password. */
export async function withPair(use: (pair: Pair) => Promise<void>): Promise<void> {
  const password = 'the-same-for-both'
  await withServer({ password }, (one) =>
    withServer({ password }, (other) =>
      withDatabase(one.url, async (here) => {
        const admin = new pg.Client({ connectionString: other.url })
        await admin.connect()
        await admin.query(`create database ${here.name}`)
        await admin.end()
        const client = new pg.Client({ connectionString: here.urlOf({ port: other.port }) })
        await client.connect()
        try {
          const query: Database['query'] = async (sql) => (await client.query(sql)).rows as never
          await use({ here, herePort: one.port, there: { query }, therePort: other.port })
        } finally {
          await client.end()
        }
      }),
    ),
  )
}
