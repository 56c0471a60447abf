import type { Session } from '../postgres/session.ts'
import type { Kind, Migration, Seed } from './migration.ts'
import { type HistoryTables, orMissing } from './tables.ts'

export type State = 'running' | 'applied' | 'adopted' | 'baseline'

export interface HistoryRow {
  readonly kind: Kind
  readonly name: string
  readonly checksum: string
  readonly state: State
  /** The run that wrote it. */
  readonly run: string
  /** UTC, ISO 8601. */
  readonly appliedAt: string
  readonly durationMs: number
}

/** All rows in the order in which they were recorded; null when our tables do not exist. */
export async function readHistory(session: Session, tables: HistoryTables): Promise<HistoryRow[] | null> {
  return orMissing(session, tables, () =>
    session.query<HistoryRow>(`select kind, name, checksum, state, run::text as run,
      to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "appliedAt",
      duration_ms as "durationMs" from ${tables.history} order by id`),
  )
}

/** The statement that records a migration as running, for the message that runs it. */
export function insertRunningSql(session: Session, tables: HistoryTables, migration: Migration, run: string): string {
  const text = (value: string | null) => (value === null ? 'null' : session.client.escapeLiteral(value))
  const values = [`'migration'`, text(migration.name), text(migration.checksum), `'running'`, text(migration.down), run]
  return `insert into ${tables.history} (kind, name, checksum, state, down, run) values (${values.join(', ')})`
}

/** The same for a seed, whose row of an earlier content is replaced. */
export function upsertRunningSql(session: Session, tables: HistoryTables, seed: Seed, run: string): string {
  const text = session.client.escapeLiteral
  return `insert into ${tables.history} (kind, name, checksum, state, run)
    values ('seed', ${text(seed.name)}, ${text(seed.checksum)}, 'running', ${run})
    on conflict (kind, name) do update set checksum = excluded.checksum, state = 'running', run = excluded.run,
      applied_at = clock_timestamp()`
}

/**
 * The statement that turns the running row into an applied one. It divides by zero when that row is not of this very
 * transaction: then the script ended our transaction, and what it did is committed already.
 */
export function markAppliedSql(session: Session, tables: HistoryTables, kind: Kind, name: string): string {
  return `with done as (
      update ${tables.history} set state = 'applied',
        duration_ms = extract(epoch from clock_timestamp() - applied_at) * 1000
      where kind = '${kind}' and name = ${session.client.escapeLiteral(name)} and state = 'running'
        and xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid returning 1)
    select 1 / count(*) from done`
}

/** Records a migration as if it had run. */
export async function insertBaseline(
  session: Session,
  tables: HistoryTables,
  migration: Migration,
  run: string,
): Promise<void> {
  await session.query(
    `insert into ${tables.history} (kind, name, checksum, state, down, run) values ('migration', $1, $2, 'baseline', $3, $4)`,
    [migration.name, migration.checksum, migration.down, run],
  )
}
