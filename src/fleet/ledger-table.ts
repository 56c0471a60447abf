import { Failure } from '../errors.ts'
import { leasesTableSql } from '../history/leases-table.ts'
import { historyTables } from '../history/tables.ts'
import { lockKey } from '../postgres/lock-key.ts'
import type { Session } from '../postgres/session.ts'
import type { Run } from '../run/run.ts'

/** Makes the table when it is not there; answers its name. */
export async function makeLedger(run: Run, session: Session): Promise<string> {
  const { config } = run
  const table = ledgerTable(session, run)
  const schema = session.client.escapeIdentifier(config.schema)
  const [found] = await session.query<{ there: boolean; space: boolean }>(
    'select pg_catalog.to_regclass($1) is not null as there, pg_catalog.to_regnamespace($2) is not null as space',
    [table, schema],
  )
  if (found!.there) return table
  const sql = createSql(
    table,
    historyTables(session, config).leases,
    found!.space ? '' : schema,
    lockKey(config.schema),
  )
  try {
    await session.query(sql)
  } catch (error) {
    await session.query('rollback').catch(() => {})
    if ((error as { code?: string }).code === '42501') throw deniedLedger(session, found!.space ? schema : null, error)
    throw error
  }
  return table
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
