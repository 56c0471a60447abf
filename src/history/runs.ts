import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { type HistoryTables, nullIfMissing } from './tables.ts'

/** The newest run that wrote something; null when there was none. */
export interface NewestRun {
  readonly command: string
  readonly bundle: string | null
  readonly seed: string | null
  readonly outcome: string | null
  /** How the live schema was found by it; null when it was not looked at. */
  readonly verified: string | null
  /** The names of the contract migrations that it left, with line feeds between; null for none. */
  readonly deferred: string | null
  /** Whether there is a table of leases, which an earlier version has not made. */
  readonly leases: boolean
}

/** The one question of a run with nothing to do; null as well when our tables do not exist. */
export async function readNewestRun(session: Session, tables: HistoryTables): Promise<NewestRun | null> {
  // Tables of an earlier version have no such column.
  const later = `x ->> 'verified' as verified, x ->> 'deferred' as deferred`
  const leases = `pg_catalog.to_regclass(${session.client.escapeLiteral(tables.leases)}) is not null as leases`
  const sql = `select command, bundle, seed, outcome, ${later}, ${leases}
    from (select * from ${tables.runs} order by id desc limit 1) r, pg_catalog.to_jsonb(r) x`
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

/** How runs have ended, each way once. */
export interface RunsEnd {
  readonly bundle: string | null
  readonly seeded: boolean
  readonly done: boolean
  /** The migration or seed at which it stopped; null when it ended otherwise, or has not. */
  readonly failed: string | null
}

/** How all runs but that one have ended. */
export async function readEnds(
  session: Session,
  tables: HistoryTables,
  but: string | null,
): Promise<readonly RunsEnd[]> {
  const sql = `select distinct bundle, seed is not null as seeded, coalesce(outcome = 'done', false) as done, failed
    from ${tables.runs} where id <> ${but ?? 0}`
  return (await nullIfMissing(session, tables, () => session.query<RunsEnd>(sql))) ?? []
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

/** Notes how the schema was found after this run had applied its migrations: `same`, or what differed. */
export async function noteVerified(session: Session, tables: HistoryTables, id: string, how: string): Promise<void> {
  try {
    await note(session, tables, { id, column: 'verified', text: how })
  } catch (error) {
    // Only their owner may add it, when nobody reads them; and that the schema is right does not hang on a note.
    if (!['42501', '55P03'].includes((error as { code?: string }).code ?? '')) throw error
  }
}

/**
 * Adds the column for what a run leaves to tables of an earlier version, before there is a run that cannot say it: the next
 * would take it for complete. Throws DENIED when the role may not.
 */
export async function ensureDeferred(session: Session, tables: HistoryTables, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  await ensureColumn(session, tables, 'deferred').catch((error: { code?: string; message: string }) => {
    if (error.code !== '42501') throw error
    throw new Failure(
      'DENIED',
      `our tables are of an earlier version and not of the role ${session.client.escapeIdentifier(session.role)}; nothing was done`,
      {
        sqlstate: '42501',
        reason: error.message,
        next: `As the owner of our tables: alter table ${tables.runs} add column if not exists deferred text;`,
      },
      error,
    )
  })
}

/** Notes which contract migrations this run has left. */
export async function noteDeferred(
  session: Session,
  tables: HistoryTables,
  id: string,
  names: readonly string[],
): Promise<void> {
  await note(session, tables, { id, column: 'deferred', text: names.length === 0 ? null : names.join('\n') })
}

interface Note {
  /** Of the run. */
  readonly id: string
  readonly column: 'verified' | 'deferred'
  readonly text: string | null
}

async function note(session: Session, tables: HistoryTables, { id, column, text }: Note): Promise<void> {
  await ensureColumn(session, tables, column)
  await session.query(`update ${tables.runs} set ${column} = $2 where id = $1`, [id, text])
}

async function ensureColumn(session: Session, tables: HistoryTables, column: Note['column']): Promise<void> {
  // Tables of an earlier version lack the column; most have it, and then this asks for no lock.
  const [found] = await session.query<{ there: boolean }>(
    `select exists (select from pg_catalog.pg_attribute
       where attrelid = $1::pg_catalog.regclass and attname = $2 and not attisdropped) as there`,
    [tables.runs, column],
  )
  if (!found!.there) await session.query(`alter table ${tables.runs} add column if not exists ${column} text`)
}

/** When a run held the schema against that of its bundle, and how it was: `same`, or what differed. */
export interface Verified {
  /** UTC, ISO 8601. */
  readonly at: string
  readonly how: string
}

/** The last of these; null when there was none. */
export async function readLastVerified(session: Session, tables: HistoryTables): Promise<Verified | null> {
  const sql = `select to_char(coalesce(finished_at, started_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
    verified as how from ${tables.runs} where verified is not null order by id desc limit 1`
  const rows = await nullIfMissing(session, tables, () => session.query<Verified>(sql)).catch(
    (error: { code?: string }) => {
      if (error.code === '42703') return null
      throw error
    },
  )
  return rows?.[0] ?? null
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
