import { nullIfMissing, historyTables } from '../history/tables.ts'
import { localValues } from '../postgres/local-settings.ts'
import { streamRows } from '../postgres/stream-rows.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import { askAgain } from './central.ts'
import { ledgerTable } from './ledger-table.ts'
import { type Wanted, isWanted } from './ledger.ts'

/** What the ledger says of a tenant; `behind` is done, but of another image or seed, not proved, or not contracted. */
export interface Standing {
  readonly place: string
  readonly state: 'failed' | 'running' | 'behind'
  readonly attempt: number
  readonly code: string | null
  readonly error: string | null
  readonly failed: string | null
  readonly host: string
  /** When it began, UTC, ISO 8601. */
  readonly started: string
}

/** Every tenant that the ledger knows: where it is done as is wanted only the place, because those are many. */
export async function readStandings(run: Run, wanted: Wanted): Promise<ReadonlyMap<string, string | Standing>> {
  const { bundle, seed } = wanted
  return askAgain(run, (asking) =>
    withServer(asking, requireAnswer, async (session) => {
      const all = new Map<string, string | Standing>()
      const { lockTimeoutMs, target } = run.config
      const text = (value: string | null) => (value === null ? 'null' : session.client.escapeLiteral(value))
      const isOfImage = `bundle = ${text(bundle)} and seed is not distinct from ${text(seed)}`
      const sql = `select target, place, done, r.* from ${ledgerTable(session, run)} l,
      lateral (select ${isWanted(session, wanted)} as done) d
      left join lateral (select case when ${isOfImage} and state <> 'done' then state else 'behind' end as state, attempt, code, error, failed,
        host, to_char(started at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as started) r on not done`
      await nullIfMissing(session, historyTables(session, run.config), () =>
        streamRows(session, localValues({ lockTimeoutMs, role: target!.role }), sql, (row) => {
          const { target: name, done, place, ...rest } = row as unknown as Standing & { target: string; done: boolean }
          all.set(name, done ? place : { place, ...rest })
        }),
      )
      return all
    }),
  )
}
