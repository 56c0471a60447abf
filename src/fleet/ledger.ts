import type { Failure } from '../errors.ts'
import { leasesTableSql } from '../history/leases-table.ts'
import { nullIfMissing, historyTables } from '../history/tables.ts'
import { lockKey } from '../postgres/lock-key.ts'
import { localValues } from '../postgres/local-settings.ts'
import type { Session } from '../postgres/session.ts'
import { streamRows } from '../postgres/stream-rows.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import type { Listed } from './fleet.ts'
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

/** Writes what became of the tenants; one statement after the other, on one session. */
export interface Ledger {
  begin(one: Listed): Promise<void>
  end(one: Listed, ended: Ended): Promise<void>
}

/** The names of those that are done, with the place where they were done; none when there is no ledger yet. */
export async function readDone(run: Run, wanted: Wanted): Promise<ReadonlyMap<string, string>> {
  const done = new Map<string, string>()
  await withServer(run, requireAnswer, async (session) => {
    const { lockTimeoutMs, target } = run.config
    const sql = `select target, place from ${ledgerTable(session, run)} where ${isWanted(session, wanted)}`
    await nullIfMissing(session, historyTables(session, run.config), () =>
      streamRows(session, localValues({ lockTimeoutMs, role: target!.role }), sql, (row) =>
        done.set(row['target'] as string, row['place'] as string),
      ),
    )
  })
  return done
}

/** Makes the table when it is not there, and begins to write. */
export async function openLedger(run: Run, session: Session, wanted: Wanted): Promise<Ledger> {
  const { config, io } = run
  const table = ledgerTable(session, run)
  const schema = session.client.escapeIdentifier(config.schema)
  const [found] = await session.query<{ there: boolean; space: boolean }>(
    'select pg_catalog.to_regclass($1) is not null as there, pg_catalog.to_regnamespace($2) is not null as space',
    [table, schema],
  )
  if (!found!.there)
    await session.query(
      createSql(table, historyTables(session, config).leases, found!.space ? '' : schema, lockKey(config.schema)),
    )
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = (sql: string, params: readonly unknown[]): Promise<void> => {
    const next = queue.then(() => session.query(sql, params)).then(() => {})
    queue = next.catch(() => {})
    return next
  }
  return {
    begin: (one) =>
      inTurn(
        `insert into ${table} as l (target, "group", place, bundle, seed, state, attempt, shard, host)
         values ($1, $2, $3, $4, $5, 'running', 1, $6, $7)
         on conflict (target) do update set "group" = excluded."group", place = excluded.place, bundle = excluded.bundle,
           seed = excluded.seed, state = 'running', shard = excluded.shard, host = excluded.host,
           attempt = case when l.bundle = excluded.bundle and l.state <> 'done' then l.attempt + 1 else 1 end,
           code = null, error = null, failed = null, proved = false, deferred = false, started = clock_timestamp(), finished = null`,
        [one.name, one.group, one.place, wanted.bundle, wanted.seed, config.fleet.shard, io.hostname],
      ),
    end: (one, ended) => {
      const failure = 'failure' in ended ? ended.failure : null
      return inTurn(
        `update ${table} set state = $2, code = $3, error = $4, failed = $5, proved = $6, deferred = $7,
           finished = clock_timestamp() where target = $1`,
        [
          one.name,
          failure === null ? 'done' : 'failed',
          failure?.code ?? null,
          failure === null ? null : run.redact(reasonOf(failure)),
          failure?.facts.place?.file ?? null,
          failure === null && wanted.proved,
          'isDeferred' in ended && ended.isDeferred,
        ],
      )
    },
  }
}

/** The ledger as SQL names it. */
export function ledgerTable(session: Session, { config }: Run): string {
  return `${session.client.escapeIdentifier(config.schema)}.fleet`
}

/** Under the lock of that schema, because concurrent `if not exists` still collide. */
function createSql(table: string, leases: string, schema: string, key: bigint): string {
  return `begin; select pg_catalog.pg_advisory_xact_lock(${key});
    ${schema === '' ? '' : `create schema if not exists ${schema};`}
    create table if not exists ${table} (
      target text primary key,
      "group" text,
      place text not null,
      bundle text not null,
      seed text,
      state text not null,
      attempt integer not null,
      code text,
      error text,
      failed text,
      proved boolean not null default false,
      deferred boolean not null default false,
      shard integer not null,
      host text not null,
      started timestamptz not null default clock_timestamp(),
      finished timestamptz
    );
    ${leasesTableSql(leases)};
    commit`
}
