import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { floorsTableSql } from './floors-table.ts'
import { leasesTableSql } from './leases-table.ts'

/** The schema of our tables, quoted. */
export interface HistoryTables {
  readonly schema: string
  readonly runs: string
  readonly history: string
  readonly leases: string
  /** The contract migrations that were applied, below which no image may come back. */
  readonly floors: string
  /** Statements that write, to go along with what records a migration of that name, in a WITH of the same statement. */
  readonly alongside?: (name: string) => readonly string[]
  /** The same for what takes a migration out of the history. */
  readonly alongsideRevert?: (name: string) => readonly string[]
}

/** The beginning `with ... ` of a statement that records a migration; `more` are expressions of its own, with their names. */
export function withAlongside({ alongside }: HistoryTables, name: string, more: readonly string[] = []): string {
  return withAll(alongside?.(name), more)
}

/** The same of a statement that takes a migration out of the history. */
export function withAlongsideRevert(tables: HistoryTables, name: string, more: readonly string[] = []): string {
  return withAll(tables.alongsideRevert?.(name), more)
}

function withAll(theirs: readonly string[] = [], more: readonly string[]): string {
  const all = [...theirs.map((sql, i) => `theirs${i} as (${sql})`), ...more]
  return all.length === 0 ? '' : `with ${all.join(', ')} `
}

export function historyTables(session: Session, schema: string): HistoryTables {
  const quoted = session.client.escapeIdentifier(schema)
  return {
    schema: quoted,
    runs: `${quoted}.runs`,
    history: `${quoted}.history`,
    leases: `${quoted}.leases`,
    floors: `${quoted}.floors`,
  }
}

/**
 * Creates our tables; only ever called under the lock, because concurrent `if not exists` still collide. They are part of
 * the transaction when one is open.
 */
export async function createTables(session: Session, tables: HistoryTables): Promise<void> {
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
      ${leasesTableSql(tables.leases)};
      ${floorsTableSql(tables.floors)};
      ${isOpen ? '' : 'commit'}`)
  } catch (error) {
    await session.query('rollback').catch(() => {})
    if ((error as { code?: string }).code !== '42501') throw error
    const database = session.client.escapeIdentifier(session.client.database ?? '')
    const role = session.client.escapeIdentifier(session.role)
    throw new Failure(
      'DENIED',
      `the role ${role} may not create the schema ${tables.schema} for our history`,
      {
        sqlstate: '42501',
        reason: (error as Error).message,
        next: `As the owner of the database: grant create on database ${database} to ${role};`,
      },
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
