import { pause } from '../../postgres/pause.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { type Mark, ourNames, readMark, writeMark } from './marks.ts'

/** A database that has a name of ours. */
export interface OurDatabase {
  readonly name: string
  readonly owner: string
  /** null while it is half made, or when it is not ours after all. */
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

/** Creates a database that belongs to the role of the run, if there is one: as a copy of another, or of what the server has for that. */
export async function createDatabase(run: Run, session: Session, name: string, template?: string): Promise<void> {
  const quote = (identifier: string) => session.client.escapeIdentifier(identifier)
  const { role } = run.config.target!
  const owner = role === undefined ? '' : ` owner ${quote(role)}`
  const sql = `create database ${quote(name)}${owner}${template === undefined ? '' : ` template ${quote(template)}`}`
  for (const until = performance.now() + busyMs; ; await pause(50 + Math.random() * 100, run.signal)) {
    try {
      return void (await session.query(sql))
    } catch (error) {
      // Somebody, or the server's own housekeeping, is in what is copied.
      if ((error as { code?: string }).code !== '55006' || performance.now() >= until) throw error
    }
  }
}

/** Says in its comment what a database is. */
export async function markDatabase(session: Session, name: string, mark: Mark): Promise<void> {
  const { client } = session
  const comment = client.escapeLiteral(writeMark(mark))
  await session.query(`comment on database ${client.escapeIdentifier(name)} is ${comment}`)
}

/** Drops a database that may be a template, and ends the sessions in it; nothing happens when there is none. */
export async function dropDatabase(session: Session, name: string): Promise<void> {
  const quoted = session.client.escapeIdentifier(name)
  const [row] = await session.query<{ template: boolean }>(
    'select datistemplate as template from pg_catalog.pg_database where datname = $1',
    [name],
  )
  if (row?.template) await session.query(`alter database ${quoted} is_template false`)
  await session.query(`drop database if exists ${quoted} with (force)`)
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
