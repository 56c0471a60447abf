import type { Failure } from '../errors.ts'
import { nullIfMissing, historyTables } from '../history/tables.ts'
import { localValues } from '../postgres/local-settings.ts'
import type { Session } from '../postgres/session.ts'
import { streamRows } from '../postgres/stream-rows.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import { askAgain } from './central.ts'
import type { Listed } from './fleet.ts'
import type { Central } from './keep-central.ts'
import { ledgerTable, makeLedger } from './ledger-table.ts'
import { reasonOf } from './summary.ts'

/** What all tenants are to have: that of one image. */
export interface Wanted {
  readonly bundle: string
  readonly seed: string | null
  /** Whether only a tenant counts whose schema was proved. */
  readonly proved: boolean
  /** Whether only a tenant counts that has its contract migrations as well. */
  readonly contracted: boolean
}

/** Whether a row of the ledger says that, as SQL. */
export function isWanted(session: Session, { bundle, seed, proved, contracted }: Wanted): string {
  const text = (value: string | null) => (value === null ? 'null' : session.client.escapeLiteral(value))
  const more = `${proved ? ' and proved' : ''}${contracted ? ' and not deferred' : ''}`
  return `state = 'done' and bundle = ${text(bundle)} and seed is not distinct from ${text(seed)}${more}`
}

/** How a tenant ended: with a failure, or done, where contract migrations may be left. */
export type Ended = { readonly failure: Failure } | { readonly isDeferred: boolean }

/** Writes what became of the tenants; one statement after the other. */
export interface Ledger {
  begin(one: Listed): Promise<void>
  end(one: Listed, ended: Ended): Promise<void>
}

/** The names of those that are done, with the place where they were done; none when there is no ledger yet. */
export async function readDone(run: Run, wanted: Wanted): Promise<ReadonlyMap<string, string>> {
  return askAgain(run, (asking) =>
    withServer(asking, requireAnswer, async (session) => {
      const done = new Map<string, string>()
      const { lockTimeoutMs, target } = run.config
      const sql = `select target, place from ${ledgerTable(session, run)} where ${isWanted(session, wanted)}`
      await nullIfMissing(session, historyTables(session, run.config), () =>
        streamRows(session, localValues({ lockTimeoutMs, role: target!.role }), sql, (row) =>
          done.set(row['target'] as string, row['place'] as string),
        ),
      )
      return done
    }),
  )
}

/** Makes the table when it is not there, and begins to write. */
export async function openLedger(run: Run, central: Central, wanted: Wanted): Promise<Ledger> {
  const { config, io } = run
  const table = await makeLedger(run, central)
  const begun = new Set<string>()
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = (ask: (session: Session) => Promise<unknown>): Promise<void> => {
    const next = queue.then(() => central.ask(ask)).then(() => {})
    queue = next.catch(() => {})
    return next
  }
  const begin: Ledger['begin'] = async (one) => {
    const sql = `insert into ${table} as l (target, "group", place, bundle, seed, state, attempt, shard, host)
       values ($1, $2, $3, $4, $5, 'running', 1, $6, $7)
       on conflict (target) do update set "group" = excluded."group", place = excluded.place, bundle = excluded.bundle,
         seed = excluded.seed, state = 'running', shard = excluded.shard, host = excluded.host,
         attempt = case when l.bundle = excluded.bundle and l.state <> 'done' then l.attempt + 1 else 1 end,
         code = null, error = null, failed = null, proved = false, deferred = false, started = clock_timestamp(), finished = null`
    const { bundle, seed } = wanted
    const params = [one.name, one.group, one.place, bundle, seed, config.fleet.shard, io.hostname]
    await inTurn((session) => session.query(sql, params))
    begun.add(one.name)
  }
  const end: Ledger['end'] = async (one, ended) => {
    if (!begun.has(one.name)) {
      // One that had to stop while it waited for its turn leaves the row as it is.
      if (run.signal.aborted) return
      await begin(one)
    }
    begun.delete(one.name)
    const failure = 'failure' in ended ? ended.failure : null
    // A run of another image may have begun with this tenant since; the row is its own then.
    const sql = `update ${table} set state = $1, code = $2, error = $3, failed = $4, proved = $5, deferred = $6,
        finished = clock_timestamp()
      where target = $7 and place = $8 and bundle = $9 and seed is not distinct from $10`
    const how = [failure === null && wanted.proved, 'isDeferred' in ended && ended.isDeferred]
    const row = [one.name, one.place, wanted.bundle, wanted.seed]
    const write = (session: Session, [error, file]: readonly (string | null)[]) =>
      session.query(sql, [failure === null ? 'done' : 'failed', failure?.code ?? null, error, file, ...how, ...row])
    const words = failure === null ? [null, null] : wordsOf(failure).map((word) => word && run.redact(word))
    await inTurn((session) =>
      write(session, words).catch((error: unknown) => {
        if ((error as { code?: string }).code !== noEquivalent) throw error
        return write(
          session,
          words.map((word) => word && word.replace(/[^\x20-\x7e\n]/gu, '?')),
        )
      }),
    )
  }
  return { begin, end }
}

/** Of a database whose encoding has no such letter. */
const noEquivalent = '22P05'
const longestError = 4_000

/** What happened and in which file; a zero byte is the one that Postgres can keep in no encoding. */
function wordsOf(failure: Failure): (string | null)[] {
  return [reasonOf(failure).replaceAll('\0', '').slice(0, longestError), failure.facts.place?.file ?? null]
}
