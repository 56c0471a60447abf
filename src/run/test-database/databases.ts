import { pause } from '../../postgres/pause.ts'
import { type PipelineError, runPipeline } from '../../postgres/pipeline.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { type Mark, ourNames, readMark, writeMark } from './marks.ts'

/** A database that has a name of ours. */
export interface OurDatabase {
  readonly name: string
  readonly owner: string
  /** null when it is not ours after all. */
  readonly mark: Mark | null
  /** Whether settings or privileges belong to it, which no copy of it gets by itself. */
  readonly hasOwn: boolean
  /** How many sessions are in it. */
  readonly sessions: number
}

const select = `select d.datname as name, pg_catalog.pg_get_userbyid(d.datdba) as owner,
    pg_catalog.shobj_description(d.oid, 'pg_database') as comment,
    d.datacl is not null or exists (select from pg_catalog.pg_db_role_setting where setdatabase = d.oid) as "hasOwn"`

/** The database of that name, null when there is none. */
export async function findDatabase(session: Session, name: string): Promise<Omit<OurDatabase, 'sessions'> | null> {
  const [row] = await session.query<OurDatabase & { comment: string | null }>(
    `${select} from pg_catalog.pg_database d where d.datname = $1`,
    [name],
  )
  return row ? { ...row, mark: readMark(row.comment) } : null
}

/** All databases with names of ours that this role may drop. */
export async function listDatabases(session: Session): Promise<OurDatabase[]> {
  const rows = await session.query<OurDatabase & { comment: string | null }>(
    `${select}, (select count(*)::int from pg_catalog.pg_stat_activity a where a.datid = d.oid) as sessions
     from pg_catalog.pg_database d
     where d.datname ~ $1 and pg_catalog.pg_has_role(d.datdba, 'usage') order by d.datname`,
    [ourNames],
  )
  return rows.map((row) => ({ ...row, mark: readMark(row.comment) }))
}

const busyMs = 30_000

/** A database to be made, and what its comment is to say; a copy of the template, or of what the server has for that. */
export interface NewDatabase {
  readonly name: string
  readonly mark: Mark
  readonly template?: string
}

/** Creates a database that belongs to the role of the run, if there is one, and has its mark even if we are killed. */
export async function createDatabase(run: Run, session: Session, { name, mark, template }: NewDatabase): Promise<void> {
  const quote = (identifier: string) => session.client.escapeIdentifier(identifier)
  const { role } = run.config.target!
  const owner = role === undefined ? '' : ` owner ${quote(role)}`
  const create = `create database ${quote(name)}${owner}${template === undefined ? '' : ` template ${quote(template)}`}`
  const asRole = role === undefined ? '' : `set local role ${quote(role)}; `
  // The server has read both when it begins with the first, so that nothing without a mark is ever left.
  const messages = ['select', create, `begin; ${asRole}${commentOn(session, name, mark)}; commit`]
  for (const until = performance.now() + busyMs; ; await pause(50 + Math.random() * 100, run.signal)) {
    try {
      return await runPipeline(
        session,
        messages.map((sql) => ({ sql })),
      )
    } catch (failed) {
      const { error, chunk } = failed as PipelineError
      await session.query('rollback').catch(() => {})
      if (chunk > 1) await asOwner(session, role, () => dropDatabase(session, name)).catch(() => {})
      // Somebody, or the server's own housekeeping, is in what is copied.
      if ((error as { code?: string }).code !== '55006' || performance.now() >= until) throw error
    }
  }
}

/** Says in its comment what a database is. */
export async function markDatabase(session: Session, name: string, mark: Mark): Promise<void> {
  await session.query(commentOn(session, name, mark))
}

function commentOn({ client }: Session, name: string, mark: Mark): string {
  return `comment on database ${client.escapeIdentifier(name)} is ${client.escapeLiteral(writeMark(mark))}`
}

const leavingMs = 2_000

/** A pool that has been ended is still on its way: cut off now, it would throw in the middle of a test. */
export async function waitUntilEmpty(run: Run, session: Session, name: string): Promise<void> {
  for (const until = performance.now() + leavingMs; performance.now() < until; await pause(5, run.signal)) {
    const sessions = await session.query('select from pg_catalog.pg_stat_activity where datname = $1 limit 1', [name])
    if (sessions.length === 0) return
  }
}

/** Drops a database that may be a template, by `force` with the sessions in it; nothing happens when there is none. */
export async function dropDatabase(session: Session, name: string, how: 'force' | 'if empty' = 'force'): Promise<void> {
  const quoted = session.client.escapeIdentifier(name)
  const [row] = await session.query<{ template: boolean }>(
    // One whose dropping was interrupted cannot be altered, only dropped.
    'select datistemplate and datconnlimit <> -2 as template from pg_catalog.pg_database where datname = $1',
    [name],
  )
  if (row?.template) await session.query(`alter database ${quoted} is_template false`)
  await session.query(`drop database if exists ${quoted}${how === 'force' ? ' with (force)' : ''}`)
}

/** Runs `use` as the role that owns the databases, which need not be the one that logs in. */
export async function asOwner<T>(session: Session, role: string | undefined, use: () => Promise<T>): Promise<T> {
  if (role === undefined) return use()
  await session.query(`set role ${session.client.escapeIdentifier(role)}`)
  try {
    return await use()
  } finally {
    await session.query('reset role').catch(() => {})
  }
}
