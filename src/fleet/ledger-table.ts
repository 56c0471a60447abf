import { Failure } from '../errors.ts'
import { leasesTableSql } from '../history/leases-table.ts'
import { historyTables } from '../history/tables.ts'
import { findHolder, locked } from '../postgres/lock.ts'
import { lockKey } from '../postgres/lock-key.ts'
import { pause } from '../postgres/pause.ts'
import type { Session } from '../postgres/session.ts'
import type { Run } from '../run/run.ts'
import type { Central } from './keep-central.ts'

const betweenTriesMs = 250
const firstSaidMs = 1_000
const sayEveryMs = 30_000

/**
 * Makes the table when it is not there; answers its name. Throws LOCKED when another runner has the lock of that schema for all
 * of UPFRONT_LOCK_WAIT. It polls, because who waits inside a statement holds up CREATE INDEX CONCURRENTLY.
 */
export async function makeLedger(run: Run, central: Central): Promise<string> {
  const { config, emit, signal, phase } = run
  const begun = performance.now()
  let saidAt = firstSaidMs - sayEveryMs
  for (;;) {
    const table = await central.ask((session) => tryToMake(run, session))
    if (table !== null) return table
    phase.current = 'waiting for the lock'
    const elapsedMs = performance.now() - begun
    const isOver = config.lockWaitMs !== 0 && elapsedMs >= config.lockWaitMs
    if (isOver || elapsedMs - saidAt >= sayEveryMs) {
      const holder = await central.ask((session) => findHolder(session, lockKey(config.schema)))
      if (isOver) throw locked(config.lockWaitMs, holder)
      emit({ type: 'lock_waiting', holder, elapsedMs })
      saidAt = elapsedMs
    }
    await pause(betweenTriesMs * (0.5 + Math.random()), signal)
  }
}

/** Null when another runner has the lock. */
async function tryToMake({ config }: Run, session: Session): Promise<string | null> {
  const table = ledgerTable(session, { config })
  const schema = session.client.escapeIdentifier(config.schema)
  const [found] = await session.query<{ there: boolean; space: boolean }>(
    'select pg_catalog.to_regclass($1) is not null as there, pg_catalog.to_regnamespace($2) is not null as space',
    [table, schema],
  )
  if (found!.there) return table
  const key = lockKey(config.schema)
  const sql = createSql(table, historyTables(session, config).leases, found!.space ? '' : schema, key)
  try {
    await session.query(sql)
  } catch (error) {
    await session.query('rollback').catch(() => {})
    const { code } = error as { code?: string }
    if (code === isHeld) return null
    if (code === '42501') throw deniedLedger(session, found!.space ? schema : null, error)
    throw error
  }
  return table
}

/** The ledger as SQL names it. */
export function ledgerTable(session: Session, { config }: Pick<Run, 'config'>): string {
  return `${session.client.escapeIdentifier(config.schema)}.fleet`
}

/** What dividing by a lock that is not ours comes to. */
const isHeld = '22012'

/** Under the lock of that schema, because concurrent `if not exists` still collide. */
function createSql(table: string, leases: string, schema: string, key: bigint): string {
  return `begin; select 1 / pg_catalog.pg_try_advisory_xact_lock(${key})::int;
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

/** DENIED, with the statement that its owner would run; `schema` is null where that has to be made as well. */
function deniedLedger(session: Session, schema: string | null, cause: unknown): Failure {
  const quote = (name: string) => session.client.escapeIdentifier(name)
  const [database, role] = [quote(session.client.database ?? ''), quote(session.role)]
  const next =
    schema === null
      ? `As the owner of the database: grant create on database ${database} to ${role};`
      : `As the owner of the schema: grant usage, create on schema ${schema} to ${role};`
  const reason = (cause as Error).message
  return new Failure('DENIED', `the role ${role} may not create the ledger of the fleet`, { sqlstate: '42501', reason, next }, cause) // prettier-ignore
}
