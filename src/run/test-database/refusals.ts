import { Failure } from '../../errors.ts'
import type { Session } from '../../postgres/session.ts'
import { findDatabase } from './databases.ts'

interface ServerError extends Error {
  readonly code?: string
  readonly detail?: string
}

/** What it means that the server makes or drops no database for us, with what mends it; any other error as it is. */
export async function explainRefusal(session: Session, name: string, error: unknown): Promise<unknown> {
  const { code, message, detail } = error as ServerError
  const facts = { reason: message, ...(code === undefined ? {} : { sqlstate: code }), ...(detail ? { detail } : {}) }
  if (code === '42501') {
    const [row] = await session.query<{ may: boolean; role: string }>(
      'select rolcreatedb or rolsuper as may, rolname as role from pg_catalog.pg_roles where rolname = session_user',
    )
    const role = session.client.escapeIdentifier(row?.role ?? '')
    if (!row?.may) {
      const next = `As a superuser: alter role ${role} createdb;`
      return new Failure('DENIED', `the role ${role} may not create databases`, { ...facts, next }, error)
    }
    const owner = (await findDatabase(session, name))?.owner
    if (owner === undefined) return error
    const whose = session.client.escapeIdentifier(owner)
    return new Failure(
      'DENIED',
      `the database ${name} belongs to ${whose}, and ${role} may not use it`,
      { ...facts, next: `As a superuser: grant ${whose} to ${role}; or drop that database, and it is made anew.` },
      error,
    )
  }
  if (code === '55006') {
    const next = `See who is in it: select * from pg_stat_activity where datname = '${name}'; and end those sessions.`
    return new Failure('BUSY', `${name} is to be copied, but is in use, and stayed so`, { ...facts, next }, error)
  }
  if (code === '53100' || code === '53400')
    return new Failure(
      'NOT_READY',
      'the server has no room for another database',
      { ...facts, next: 'Drop those of earlier runs: dropTestDatabases().' },
      error,
    )
  return error
}

/** What keeps a database from being dropped, with what mends it; any other error as it is. */
export async function explainDrop(session: Session, name: string, error: unknown): Promise<unknown> {
  const { code, message, detail } = error as ServerError
  if (code !== '42501' && code !== '55006') return error
  const facts = { reason: message, sqlstate: code, ...(detail ? { detail } : {}) }
  const others = await session.query<{ who: string }>(
    `select pg_catalog.concat_ws(' ', usename, nullif(application_name, ''), '(pid ' || pid || ')') as who
     from pg_catalog.pg_stat_activity where datname = $1 order by pid limit 5`,
    [name],
  )
  const who = others.length > 0 ? `; in it: ${others.map((one) => one.who).join(', ')}` : ''
  const next = `End what uses it${who}; then: drop database ${session.client.escapeIdentifier(name)};`
  const [what, as] = code === '42501' ? (['DENIED', 'by a session that this role may not end'] as const) : (['BUSY', 'and stays so'] as const) // prettier-ignore
  return new Failure(what, `the database ${name} is in use ${as}`, { ...facts, next }, error)
}

/** The database of the URL is only where we begin, and must not be the one that somebody wants made. */
export function explainNoServer(error: unknown): unknown {
  if (!(error instanceof Failure) || error.facts.sqlstate !== '3D000') return error
  const next = 'Name a database that exists, such as postgres: those for tests are made beside it.'
  return new Failure(error.code, error.message, { ...error.facts, next }, error.cause)
}
