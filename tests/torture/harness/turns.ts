import type { Database } from '../../support/database.ts'

/** Does all of it, so many at once; the results are in the order of the list. */
export async function inTurns<T, R>(atOnce: number, list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const indexes = list.keys()
  const take = async () => {
    for (const index of indexes) results[index] = await work(list[index]!)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, take))
  return results
}

/** Resolves when fewer than `limit` are at work, first come first served; what it resolves with is called when this one is done. */
export function limitWork(limit: number): () => Promise<() => void> {
  const waiting: (() => void)[] = []
  let working = 0
  return async () => {
    if (working === limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else working++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const next = waiting.shift()
      if (next) next()
      else working--
    }
  }
}

/** Nothing in the database, and nobody; the schema public belongs to the owner, when there is one. */
export async function empty(db: Pick<Database, 'query'>, owner?: string): Promise<void> {
  await db.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`)
  const authorization = owner === undefined ? '' : ` authorization ${owner}`
  await db.query(
    `drop schema if exists upfront cascade; drop schema public cascade; create schema public${authorization}`,
  )
}
