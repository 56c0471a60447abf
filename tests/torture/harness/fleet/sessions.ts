import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from './world.ts'

/** Looks all the time; the answer is the most sessions of ours that there ever were on the server. */
export function watchSessions({ db }: World): () => Promise<readonly [number]> {
  let isOver = false
  let most = 0
  const looking = (async () => {
    let client: pg.Client | undefined
    while (!isOver) {
      try {
        if (client === undefined) {
          client = new pg.Client({ connectionString: db.url })
          client.on('error', () => (client = undefined))
          await client.connect()
        }
        const sql = `select count(*)::int as n from pg_stat_activity where application_name like 'upfront/%'`
        const { rows } = await client.query<{ n: number }>(sql)
        most = Math.max(most, rows[0]!.n)
      } catch {
        // The server is restarting.
        client = undefined
      }
      await sleep(10)
    }
    await client?.end().catch(() => {})
  })()
  return async () => {
    isOver = true
    await looking
    return [most]
  }
}
