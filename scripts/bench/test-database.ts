import pg from 'pg'
import type { createTestDatabase } from '../../src/index.ts'

/** What it took, in milliseconds and in turn: a test database once its template is there, and an empty database. */
export interface Measured {
  readonly ours: readonly number[]
  readonly floor: readonly number[]
}

/** Measures both on a server, as many times, through the API as it ships; the first of each does not count. */
export async function measureTestDatabases(api: string, url: string, migrationsDir: string, count: number) {
  const { createTestDatabase: create } = (await import(api)) as { createTestDatabase: typeof createTestDatabase }
  const ours: number[] = []
  const floor: number[] = []
  await (await create({ databaseUrl: url, migrationsDir })).drop()
  for (let i = 0; i <= count; i += 1) {
    const begun = performance.now()
    const database = await create({ databaseUrl: url, migrationsDir })
    ours.push(performance.now() - begun)
    await database.drop()
    floor.push(await createEmpty(url))
  }
  return { ours: ours.slice(1), floor: floor.slice(1) } satisfies Measured
}

/** With its connection, which a test would have to open too. */
async function createEmpty(url: string): Promise<number> {
  const begun = performance.now()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create database empty')
  const took = performance.now() - begun
  await client.query('drop database empty')
  await client.end()
  return took
}
