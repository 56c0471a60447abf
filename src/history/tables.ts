import type { Config } from '../config/config.ts'
import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { floorsTableSql } from './floors-table.ts'
import { leasesTableSql } from './leases-table.ts'

/** Our tables, quoted. */
export interface HistoryTables {
  readonly schema: string
  /** Whether that schema is a tenant's, so that we are guests in it. */
  readonly tenant: boolean
  readonly runs: string
  readonly history: string
  readonly leases: string
  /** The contract migrations that were applied, below which no image may come back. */
  readonly floors: string
  /** Statements that write, to go along with what records a migration of that name, in a WITH of the same statement. */
  readonly alongside?: (name: string) => readonly string[]
  /** The same for what records that one begins outside a transaction, and may stop half way. */
  readonly alongsideBegin?: (name: string) => readonly string[]
  /** The same for what takes a migration out of the history. */
  readonly alongsideRevert?: (name: string) => readonly string[]
}

/** The beginning `with ... ` of a statement that records a migration; `more` are expressions of its own, with their names. */
export function withAlongside({ alongside }: HistoryTables, name: string, more: readonly string[] = []): string {
  return withAll(alongside?.(name), more)
}

/** The same of a statement that records that it begins outside a transaction. */
export function withAlongsideBegin({ alongsideBegin }: HistoryTables, name: string): string {
  return withAll(alongsideBegin?.(name), [])
}

/** The same of a statement that takes a migration out of the history. */
export function withAlongsideRevert(tables: HistoryTables, name: string, more: readonly string[] = []): string {
  return withAll(tables.alongsideRevert?.(name), more)
}

function withAll(theirs: readonly string[] = [], more: readonly string[]): string {
  const all = [...theirs.map((sql, i) => `theirs${i} as (${sql})`), ...more]
  return all.length === 0 ? '' : `with ${all.join(', ')} `
}

/** Where our tables are, as the configuration says it. */
export type HistoryPlace = Pick<Config, 'schema' | 'tenant' | 'leaseSchema'>

/** What our tables are called; among a tenant's own they have names that no application uses. */
export function tableNames({ tenant }: Pick<HistoryPlace, 'tenant'>): {
  readonly runs: string
  readonly history: string
  readonly floors: string
} {
  const own = (name: string) => (tenant ? `upfront_${name}` : name)
  return { runs: own('runs'), history: own('history'), floors: own('floors') }
}

/** All tables that are ours, as they are called in SQL. */
export function ourTables({ schema, tenant, runs, history, leases, floors }: HistoryTables): readonly string[] {
  // What a fleet keeps in its central database; in a tenant's schema a table of that name is the tenant's.
  return [runs, history, leases, floors, ...(tenant ? [] : [`${schema}.fleet`])]
}

/** The names of our tables in SQL. The leases of an application are not a tenant's, because it serves all of them. */
export function historyTables(session: Session, place: HistoryPlace): HistoryTables {
  const quote = (name: string) => session.client.escapeIdentifier(name)
  const { tenant } = place
  const { runs, history, floors } = tableNames(place)
  const schema = quote(place.schema)
  const of = (name: string) => `${schema}.${name}`
  const leases = `${tenant ? quote(place.leaseSchema) : schema}.leases`
  return { schema, tenant, runs: of(runs), history: of(history), floors: of(floors), leases }
}

/**
 * Throws MISMATCH when the tenant's schema is gone: names without a schema would lead to the next one of the search_path,
 * which belongs to all tenants.
 */
export async function requireTenant(session: Session, tables: HistoryTables): Promise<void> {
  if (!tables.tenant) return
  // Without parameters, because whoever only reads sends its questions together with settings.
  const [found] = await session.query<{ exists: boolean }>(
    `select pg_catalog.to_regnamespace(${session.client.escapeLiteral(tables.schema)}) is not null as exists`,
  )
  if (found!.exists && tables.schema !== '"$user"') return
  if (found!.exists) {
    throw new Failure('MISMATCH', 'no search_path leads to the schema "$user", because that is whoever logs in', {
      next: 'Give it another name: alter schema "$user" rename to ...;',
    })
  }
  throw new Failure('MISMATCH', `this database has no schema ${tables.schema}; nothing was changed`, {
    next: `Name the schema of a tenant (UPFRONT_TENANT), or make it, and run upfront up again: create schema ${tables.schema};`,
  })
}

/**
 * Creates our tables; only ever called under the lock, because concurrent `if not exists` still collide. They are part of
 * the transaction when one is open.
 */
export async function createTables(session: Session, tables: HistoryTables): Promise<void> {
  await requireTenant(session, tables)
  const isOpen = session.client.getTransactionStatus() === 'T'
  try {
    // `create schema if not exists` wants a privilege on the database even when the schema exists.
    const [found] = await session.query<{ exists: boolean }>(
      'select pg_catalog.to_regnamespace($1) is not null as exists',
      [tables.schema],
    )
    await session.query(`${isOpen ? '' : 'begin;'}
      ${found!.exists ? '' : `create schema ${tables.schema};`}
      create table if not exists ${tables.runs} (
        id bigint generated always as identity primary key,
        command text not null,
        bundle text,
        seed text,
        environment text not null,
        version text not null,
        host text not null,
        started_at timestamptz not null default clock_timestamp(),
        finished_at timestamptz,
        outcome text,
        failed text,
        failed_checksum text,
        code text,
        error text,
        action text,
        subject text,
        reason text,
        was jsonb,
        verified text,
        deferred text
      );
      create table if not exists ${tables.history} (
        id bigint generated always as identity,
        kind text not null,
        name text not null,
        checksum text not null,
        state text not null,
        statements_done integer not null default 0,
        done_checksum text,
        down text,
        applied_at timestamptz not null default clock_timestamp(),
        duration_ms integer not null default 0,
        run bigint not null,
        primary key (kind, name)
      );
      ${tables.tenant ? '' : `${leasesTableSql(tables.leases)};`}
      ${tables.tenant ? '' : `${floorsTableSql(tables.floors)};`}
      ${isOpen ? '' : 'commit'}`)
  } catch (error) {
    await session.query('rollback').catch(() => {})
    if ((error as { code?: string }).code !== '42501') throw error
    const database = session.client.escapeIdentifier(session.client.database ?? '')
    const role = session.client.escapeIdentifier(session.role)
    const next = tables.tenant
      ? `As the owner of the schema: grant usage, create on schema ${tables.schema} to ${role};`
      : `As the owner of the database: grant create on database ${database} to ${role};`
    throw new Failure(
      'DENIED',
      `the role ${role} may not create ${tables.tenant ? 'tables in ' : ''}the schema ${tables.schema} for our history`,
      { sqlstate: '42501', reason: (error as Error).message, next },
      error,
    )
  }
}

/**
 * Adds the columns that only a repair writes to tables of an earlier version; under the lock, and only when they lack
 * them.
 */
export async function ensureRepairColumns(session: Session, tables: HistoryTables): Promise<void> {
  const [found] = await session.query<{ complete: boolean }>(
    `select count(*) = 4 as complete from pg_catalog.pg_attribute
     where attrelid = $1::regclass and attname in ('action', 'subject', 'reason', 'was') and not attisdropped`,
    [tables.runs],
  )
  if (found!.complete) return
  await session.query(`alter table ${tables.runs} add column if not exists action text,
    add column if not exists subject text, add column if not exists reason text, add column if not exists was jsonb`)
}

/** Adds the table of leases to tables of an earlier version; under the lock, and for nothing where it is there. */
export async function ensureLeases(session: Session, tables: HistoryTables): Promise<void> {
  // Who uses a tenant's schema holds no lease in it.
  if (tables.tenant) return
  const [found] = await session.query<{ there: boolean }>('select pg_catalog.to_regclass($1) is not null as there', [
    tables.leases,
  ])
  if (!found!.there) await session.query(leasesTableSql(tables.leases))
}

const missing = new Set(['42P01', '3F000'])

/** What a question to our tables answers; null when they do not exist, DENIED when the role may not ask. */
export async function nullIfMissing<T>(
  session: Session,
  tables: HistoryTables,
  ask: () => Promise<T>,
): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== undefined && missing.has(code)) return null
    if (code === '42501') throw deniedTables(session, tables, error)
    throw error
  }
}

/** DENIED, with the statements that a superuser or the owner would run. */
export function deniedTables(session: Session, tables: HistoryTables, cause: unknown): Failure {
  const role = session.client.escapeIdentifier(session.role)
  const { message } = cause as Error
  return new Failure(
    'DENIED',
    `the role ${role} may not use our tables in schema ${tables.schema}`,
    {
      sqlstate: '42501',
      reason: message,
      next: `Run as their owner, or as the owner: grant usage on schema ${tables.schema} to ${role}; grant select on all tables in schema ${tables.schema} to ${role};`,
    },
    cause,
  )
}
