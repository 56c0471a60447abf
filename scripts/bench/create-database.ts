import pg from 'pg'

/** `node create-database.ts URL`: creates the database of the URL, through the database postgres of that server. */
const url = new URL(process.argv[2] ?? '')
const client = new pg.Client({ connectionString: new URL('/postgres', url).href })
await client.connect()
await client.query(`create database ${pg.escapeIdentifier(url.pathname.slice(1))}`)
await client.end()
