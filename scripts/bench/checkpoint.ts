import pg from 'pg'

/** `node checkpoint.ts URL`: has the server write all that is outstanding, so that nobody who is measured pays for it. */
const client = new pg.Client({ connectionString: process.argv[2] ?? '' })
await client.connect()
await client.query('checkpoint')
await client.end()
