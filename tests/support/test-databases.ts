// What tests of databases for tests ask of the server, and a process that makes some.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import { Failure } from '../../src/index.ts'
import type { Database } from './database.ts'

/** What every call of a test takes. */
export function options(db: Database) {
  return { databaseUrl: db.url, migrationsDir: db.migrationsDir, seedsDir: db.seedsDir }
}

/** The rows of one query on a connection of its own. */
export async function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** The templates that were made by way of this test's database, all of each. */
export async function templates(db: Database): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select datname as name from pg_database where datname like 'upfront_template_%'
     and shobj_description(oid, 'pg_database') like 'upfront: the template %"from":"${db.name}"%' order by oid`,
  )
  return rows.map(({ name }) => name)
}

/** Whether there is a database of that name. */
export async function exists(db: Database, name: string): Promise<boolean> {
  return (await db.query(`select from pg_database where datname = '${name}'`)).length > 0
}

/** All databases with names of ours, or those without a mark. */
export async function ourNames(db: Database, which: 'all' | 'unmarked' = 'all'): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select datname as name from pg_database where datname ~ '^upfront_(template|test)_'
     ${which === 'all' ? '' : `and shobj_description(oid, 'pg_database') is null`}`,
  )
  return rows.map(({ name }) => name)
}

/** The Failure that it rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(() => new Error('it resolved'), (reason: unknown) => reason) // prettier-ignore
  if (!(error instanceof Failure)) throw error
  return error
}

/** Calls createTestDatabase in a process of its own, as a worker would; the names it got are its lines. */
export function worker(db: Database, count = 1): { child: ChildProcess; names: Promise<string[]> } {
  const index = JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))
  const code = `import { createTestDatabase } from ${index}
const options = ${JSON.stringify(options(db))}
const all = await Promise.all(Array.from({ length: ${count} }, () => createTestDatabase(options)))
for (const { name } of all) console.log(name)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (more) => (text += String(more)))
  return { child, names: once(child, 'close').then(() => text.split('\n').filter(Boolean)) }
}
