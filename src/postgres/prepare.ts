import pg from 'pg'
import { isUnixSocket } from '../config/target.ts'
import type { Session } from './session.ts'

export interface SessionSettings {
  readonly applicationName: string
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs: number
  /** A schema to find unqualified names in, undefined for the server's own setting. */
  readonly searchPath: string | undefined
  /** Whom everything is done as, undefined for the role that logs in. */
  readonly role: string | undefined
}

/**
 * Puts our settings on a session, by SET and never as startup parameters, which PgBouncer refuses: a dead runner's
 * locks go within seconds, and no time-out of a role or server ends a migration that we did not bound.
 */
export async function prepareSession(session: Session, settings: SessionSettings): Promise<void> {
  try {
    await session.query(setAll(session, settings, { client_connection_check_interval: '1s' }))
  } catch (error) {
    // Only Linux, macOS and the BSDs can look whether a client is still there.
    const isOption = (error as { code?: string }).code === '22023'
    const again = isOption ? session.query(setAll(session, settings, {})) : Promise.reject(error)
    await again.catch(async (cause: unknown) => {
      if (settings.role === undefined) throw cause
      throw await (await import('./role.ts')).explainRole(session, settings.role, cause)
    })
  }
}

/** The SQL that comes back to the role everything is done as, whatever a migration has made of it. */
export function toOwnRole({ role }: Pick<SessionSettings, 'role'>): string {
  return `reset session authorization; ${role === undefined ? 'reset role' : `set role ${pg.escapeIdentifier(role)}`}`
}

/** The same until the transaction ends; then the role that a file has set holds again. */
export function toOwnRoleForNow({ role }: Pick<SessionSettings, 'role'>): string {
  return `set local session authorization default; set local role ${role === undefined ? 'none' : pg.escapeIdentifier(role)}`
}

/** Forgets what a migration left in the session, and puts our settings back; the advisory lock stays. */
export async function resetSession(session: Session, settings: SessionSettings): Promise<void> {
  await session.query(resetSql)
  forgetPrepared(session)
  await prepareSession(session, settings)
}

/** pg would go on to execute what it once prepared under a name. */
function forgetPrepared({ client }: Session): void {
  const { connection } = client as unknown as { connection: Record<string, object> }
  connection['parsedStatements'] = {}
}

/** A session's name with what it is at, in the 63 bytes that Postgres keeps of it. */
export function nameSession(applicationName: string, at: string): string {
  return Buffer.from(`${applicationName} ${at}`)
    .subarray(0, 63)
    .toString()
    .replace(/\uFFFD+$/u, '')
}

/** DISCARD ALL without the advisory locks; RESET ALL alone leaves a SET ROLE and a SET SESSION AUTHORIZATION. */
const resetSql = `reset session authorization; reset role; reset all; deallocate all; close all; unlisten *;
  discard temp; discard sequences`

function setAll(session: Session, settings: SessionSettings, extra: Readonly<Record<string, string>>): string {
  const values: Record<string, string> = {
    application_name: settings.applicationName,
    lock_timeout: `${settings.lockTimeoutMs}ms`,
    statement_timeout: `${settings.statementTimeoutMs}ms`,
    idle_in_transaction_session_timeout: '0',
    idle_session_timeout: '0',
    ...(session.serverVersion >= 170000 ? { transaction_timeout: '0' } : {}),
    tcp_keepalives_idle: '10',
    tcp_keepalives_interval: '5',
    tcp_keepalives_count: '3',
    ...(isUnixSocket(session.at.host) ? {} : { tcp_user_timeout: '30s' }),
    standard_conforming_strings: 'on',
    client_encoding: 'UTF8',
    // A role may have it at warning, and a cut identifier is only a notice.
    client_min_messages: 'notice',
    // A history that row-level security hides would look empty; so it is an error instead.
    row_security: 'off',
    ...(settings.role === undefined ? {} : { role: settings.role }),
    ...(settings.searchPath === undefined ? {} : { search_path: session.client.escapeIdentifier(settings.searchPath) }),
    ...extra,
  }
  const calls = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${session.client.escapeLiteral(value)}, false)`,
  )
  return `select ${calls.join(', ')}`
}
