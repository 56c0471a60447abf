import type { Session } from '../postgres/session.ts'
import { type HistoryTables, nullIfMissing } from './tables.ts'

/** The newest run that wrote something; null when there was none. */
export interface NewestRun {
  readonly command: string
  readonly bundle: string | null
  readonly seed: string | null
  readonly outcome: string | null
}

/** The one question of a run with nothing to do; null as well when our tables do not exist. */
export async function readNewestRun(session: Session, tables: HistoryTables): Promise<NewestRun | null> {
  const sql = `select command, bundle, seed, outcome from ${tables.runs} order by id desc limit 1`
  const rows = await nullIfMissing(session, tables, () => session.query<NewestRun>(sql))
  return rows?.[0] ?? null
}

/** What was taken back or forgotten by us: of those the other tool's history has nothing to say any more. */
export async function readDecided(
  session: Session,
  tables: HistoryTables,
): Promise<readonly { readonly name: string; readonly action: string }[]> {
  const sql = `select action, subject from ${tables.runs} where action in ('reverted', 'forget', 'not-done') and subject is not null`
  const rows = await nullIfMissing(session, tables, () =>
    session.query<{ action: string; subject: string }>(sql),
  ).catch((error: { code?: string }) => {
    // Tables of an earlier version, which have no such column.
    if (error.code === '42703') return []
    throw error
  })
  return (rows ?? []).flatMap(({ action, subject }) => subject.split('\n').map((name) => ({ name, action })))
}

export interface RunRecord {
  readonly command: string
  readonly bundle: string | null
  /** `environment:digest` of the seeds, null without. */
  readonly seed: string | null
  readonly environment: string
  readonly version: string
  readonly host: string
}

/** Writes the row of a run that begins; returns its id. */
export async function startRun(session: Session, tables: HistoryTables, run: RunRecord): Promise<string> {
  const [row] = await session.query<{ id: string }>(
    `insert into ${tables.runs} (command, bundle, seed, environment, version, host)
     values ($1, $2, $3, $4, $5, $6) returning id::text as id`,
    [run.command, run.bundle, run.seed, run.environment, run.version, run.host],
  )
  return row!.id
}

/** Updates the row without a change, because a commit that has written nothing does not wait for the disk. */
export function touchRunSql(tables: HistoryTables, id: string): string {
  return `update ${tables.runs} set started_at = started_at where id = ${id}`
}

export interface RunEnd {
  readonly outcome: 'done' | 'failed' | 'interrupted'
  readonly failed?: { readonly name: string; readonly checksum: string }
  readonly code?: string
  readonly error?: string
}

export async function finishRun(session: Session, tables: HistoryTables, id: string, end: RunEnd): Promise<void> {
  await session.query(
    `update ${tables.runs} set finished_at = clock_timestamp(), outcome = $2, failed = $3, failed_checksum = $4, error = $5, code = $6
     where id = $1`,
    [id, end.outcome, end.failed?.name ?? null, end.failed?.checksum ?? null, end.error ?? null, end.code ?? null],
  )
}

/** A failure that another run has recorded. */
export interface RecordedFailure {
  readonly name: string
  readonly checksum: string
  readonly code: string
  readonly error: string
  readonly host: string
}

/** The newest failure since a moment of the server's clock, null when there is none. */
export async function readFailureSince(
  session: Session,
  tables: HistoryTables,
  since: string,
): Promise<RecordedFailure | null> {
  const [row] = await session.query<RecordedFailure>(
    `select failed as name, failed_checksum as checksum, code, error, host from ${tables.runs}
     where outcome = 'failed' and finished_at > $1::timestamptz and failed is not null and code is not null
     order by id desc limit 1`,
    [since],
  )
  return row ?? null
}
