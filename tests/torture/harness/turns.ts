import { type Database, withDatabase } from '../../support/database.ts'

/** Does all of it, so many at once; the results are in the order of the list. */
export async function inTurns<T, R>(atOnce: number, list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const take = taker(list, work, results)
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, take))
  return results
}

/** The same, each worker with a database that is emptied for each turn: far cheaper than a new one. */
export async function inDatabases<T, R>(
  serverUrl: string,
  atOnce: number,
  list: readonly T[],
  work: (db: Database, one: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const turns = taker(list, (one: T, db: Database) => empty(db).then(() => work(db, one)), results)
  await Promise.all(
    Array.from({ length: Math.min(atOnce, list.length) }, () => withDatabase(serverUrl, (db) => turns(db))),
  )
  return results
}

/** What one worker does until nothing is left. */
function taker<T, R, With>(
  list: readonly T[],
  work: (one: T, using: With) => Promise<R>,
  results: R[],
): (using: With) => Promise<void> {
  const indexes = list.keys()
  return async (using) => {
    for (const index of indexes) results[index] = await work(list[index]!, using)
  }
}

/** Nothing in it, and nobody. */
export async function empty(db: Database): Promise<void> {
  await db.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`)
  await db.query('drop schema if exists upfront cascade; drop schema public cascade; create schema public')
}
