import type { Identity, Kind, Migration, Seed } from '../migration.ts'
import type { Session } from '../postgres/session.ts'
import { type HistoryTables, nullIfMissing, withAlongside, withAlongsideRevert } from './tables.ts'

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
  /** Of a migration that runs statement by statement, and the checksum of the text of those statements. */
  readonly statementsDone: number
  readonly doneChecksum: string | null
  readonly down: string | null
}

/** What `done_checksum` says while a down outside a transaction takes a migration back: part of it may be gone. */
export const takingBack = 'taking back'

export function isTakingBack({ state, doneChecksum }: HistoryRow): boolean {
  return state === 'running' && doneChecksum === takingBack
}

/** All rows in the order in which they were recorded; null when our tables do not exist. */
export async function readHistory(session: Session, tables: HistoryTables): Promise<HistoryRow[] | null> {
  return nullIfMissing(session, tables, () =>
    session.query<HistoryRow>(`select kind, name, checksum, state, run::text as run,
      to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "appliedAt",
      duration_ms as "durationMs", statements_done as "statementsDone", done_checksum as "doneChecksum", down from ${tables.history} order by id`),
  )
}

/** Statements as text, for the message that runs the thing they are about. */
export interface RecordSql {
  readonly before: string
  /**
   * Divides by zero when the row is not of this very transaction: then the script ended our transaction, and what it
   * did is committed already.
   */
  readonly after: string
}

/** What is applied, by which run. */
export interface Recorded {
  readonly kind: Kind
  readonly one: Migration | Seed
  readonly runId: string
}

/** Records a migration or a seed as running, and then as applied; a row of an earlier content is replaced. */
export function recordApplied(session: Session, tables: HistoryTables, { kind, one, runId }: Recorded): RecordSql {
  const text = (value: string | null) => (value === null ? 'null' : session.client.escapeLiteral(value))
  const down = 'down' in one ? one.down : null
  const values = [text(kind), text(one.name), text(one.checksum), `'running'`, text(down), runId]
  return {
    before: `insert into ${tables.history} as h (kind, name, checksum, state, down, run) values (${values.join(', ')})
      on conflict (kind, name) do update set checksum = excluded.checksum, state = 'running', down = excluded.down,
        run = excluded.run, applied_at = pg_catalog.clock_timestamp(), statements_done = 0, done_checksum = null
      where h.kind <> 'migration' or h.state = 'running'`,
    after: `${withAlongside(kind === 'seed' ? { ...tables, alongside: () => [] } : tables, one.name, [
      `done as (
        update ${tables.history} set state = 'applied',
          duration_ms = extract(epoch from pg_catalog.clock_timestamp() - applied_at) * 1000
        where ${rowOf(session, kind, one.name)} and state = 'running' and ${ofThisTransaction} returning 1)`,
    ])}select 1 / count(*) from done`,
  }
}

/**
 * Records a migration as applied, last in its transaction, answers how long it took in milliseconds, and divides by zero
 * when the lock is not ours any more: for scripts that cannot have ended their transaction.
 */
export function insertAppliedSql(
  session: Session,
  tables: HistoryTables,
  { name, checksum, down }: Migration,
  { runId, lockKey }: { readonly runId: string; readonly lockKey: bigint },
): string {
  const text = (value: string | null) => (value === null ? 'null' : session.client.escapeLiteral(value))
  // In a message of several transactions now() is when the message came: a step begins where the one before it ended,
  // which a setting remembers, because asking the history for it costs a quarter of the step.
  const begun = `greatest(pg_catalog.now(), pg_catalog.to_timestamp(nullif(pg_catalog.current_setting('${stepEnded}', true), '')::float8))`
  const ended = `pg_catalog.set_config('${stepEnded}', extract(epoch from pg_catalog.clock_timestamp())::text, false)`
  return `${withAlongside(tables, name)}insert into ${tables.history} (kind, name, checksum, state, down, run, applied_at, duration_ms)
    values ('migration', ${text(name)}, ${text(checksum)}, 'applied', ${text(down)}, ${runId}, ${begun},
      (extract(epoch from ${begun}) - ${ended}::numeric) * -1000 / pg_catalog.pg_try_advisory_xact_lock(${lockKey})::int)
    returning duration_ms`
}

const stepEnded = 'upfront.step_ended'

/** Remembers anew when the step before ended, after all settings have been reset. */
export const noteEnd = `select pg_catalog.set_config('${stepEnded}', extract(epoch from pg_catalog.clock_timestamp())::text, false)`

/** Takes a migration out of the history, together with what its down does; seeds and repeatables run again, what they made may be gone. */
export function recordReverted(session: Session, tables: HistoryTables, name: string): RecordSql {
  const row = rowOf(session, 'migration', name)
  return {
    before: `with seeds as (delete from ${tables.history} where kind <> 'migration')
      update ${tables.history} set state = 'running' where ${row}`,
    after: `${withAlongsideRevert(tables, name, [
      `done as (delete from ${tables.history} where ${row} and ${ofThisTransaction} returning 1)`,
    ])}select 1 / count(*) from done`,
  }
}

const ofThisTransaction = 'xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid'

export function rowOf(session: Session, kind: Kind, name: string): string {
  return `kind = '${kind}' and name = ${asciiLiteral(session, name)}`
}

/** A text as a literal that is the same in every encoding: a file may have set another for what we send behind it. */
export function asciiLiteral(session: Session, text: string): string {
  if (/^[ -~]*$/.test(text)) return session.client.escapeLiteral(text)
  const escape = (character: string) => `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`
  return `E'${text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replace(/[^ -~]/gu, escape)}'`
}

/** Records a migration as if it had run. */
export async function insertBaseline(
  session: Session,
  tables: HistoryTables,
  migration: Identity & Pick<Migration, 'down'>,
  run: string,
): Promise<void> {
  await session.query(
    `insert into ${tables.history} (kind, name, checksum, state, down, run) values ('migration', $1, $2, 'baseline', $3, $4)`,
    [migration.name, migration.checksum, migration.down, run],
  )
}
