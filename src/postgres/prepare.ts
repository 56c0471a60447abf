import pg from 'pg'
import { isUnixSocket } from '../config/database/target.ts'
import { searchPathSql } from './search-path.ts'
import { type ScriptError, runScript } from './script.ts'
import type { Session } from './session.ts'

export interface SessionSettings {
  readonly applicationName: string
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs: number
  /** Where unqualified names are found, undefined for the server's own setting. */
  readonly searchPath: readonly string[] | undefined
  /** The role that does everything, undefined for the one that logs in. */
  readonly role: string | undefined
}

/** Whether a server can check that its client is still there, which only Linux, macOS and the BSDs can. */
const checksClients = new WeakMap<Session, boolean>()

/**
 * Puts our settings on a session, by SET and never as startup parameters, which PgBouncer refuses: a dead runner's
 * locks go within seconds, and no time-out of a role or server ends a migration that we did not bound. Until
 * `resetSession` a history that row-level security hides is an error, because it would look empty.
 */
export async function prepareSession(session: Session, settings: SessionSettings): Promise<void> {
  const first = checksClients.get(session) ?? true
  try {
    await session.query(setAll(session, settings, first))
  } catch (error) {
    const isOption = (error as { code?: string }).code === '22023'
    const again = isOption ? session.query(setAll(session, settings, false)) : Promise.reject(error)
    if (isOption) checksClients.set(session, false)
    await again.catch(async (cause: unknown) => {
      if (settings.role === undefined) throw cause
      throw await (await import('./connect/role.ts')).explainRole(session, settings.role, cause)
    })
  }
}

const askEventTriggers = `select exists (select from pg_catalog.pg_event_trigger where evtenabled <> 'D')`

async function lastAnswer(session: Session, script: string): Promise<boolean> {
  let answer: string | null | undefined
  await runScript(session, script, (_, [value]) => (answer = value)).catch((error: ScriptError) => {
    throw error.error
  })
  return answer === 't'
}

/** The SQL that sets our own role again, whatever a migration has set. */
export function toOwnRole({ role }: Pick<SessionSettings, 'role'>): string {
  return `reset session authorization; ${role === undefined ? 'reset role' : `set role ${pg.escapeIdentifier(role)}`}`
}

/** The same until the transaction ends; then the role that a file has set holds again. */
export function toOwnRoleForNow({ role }: Pick<SessionSettings, 'role'>): string {
  // The user may have a role by default (alter role ... set role), which `to default` respects.
  return `set local session authorization default; set local role ${role === undefined ? 'to default' : pg.escapeIdentifier(role)}`
}

/**
 * What we send is UTF-8; under another encoding that a file has set, its text and ours would be read as something else.
 */
export const toOwnEncoding = `set client_encoding to 'UTF8'`

/**
 * Makes the session as every migration finds it: forgets what an earlier one left, puts our settings back, and leaves
 * row-level security as it is under psql; the advisory lock stays. Answers whether the database has event triggers, so
 * that even DDL runs code of its own.
 */
export async function resetSession(session: Session, settings: SessionSettings): Promise<boolean> {
  forgetPrepared(session)
  return lastAnswer(session, `${resetSql(session, settings)}; ${askEventTriggers}`).catch(async () => {
    // Sent one by one they tell which of them fails: the role may be gone.
    await session.query(forget)
    await prepareSession(session, settings)
    return lastAnswer(session, `reset row_security; ${askEventTriggers}`)
  })
}

/** The same as SQL, to go with other statements of a session that has been prepared before. */
export function resetSql(session: Session, settings: SessionSettings): string {
  return `${forget}; ${setAll(session, settings, checksClients.get(session) ?? true)}; reset row_security`
}

/** Otherwise pg would execute a statement that it has prepared under a name and the server has forgotten. */
function forgetPrepared({ client }: Session): void {
  const { connection } = client as unknown as { connection: Record<string, object> }
  connection['parsedStatements'] = {}
  connection['submittedNamedStatements'] = {}
}

/** The application_name with what the session is doing, within the 63 bytes that Postgres keeps of it. */
export function nameSession(applicationName: string, at: string): string {
  return Buffer.from(`${applicationName} ${at}`)
    .subarray(0, 63)
    .toString()
    .replace(/\uFFFD+$/u, '')
}

/** DISCARD ALL without the advisory locks; RESET ALL alone leaves a SET ROLE and a SET SESSION AUTHORIZATION. */
const forget = `reset session authorization; reset role; reset all; deallocate all; close all; unlisten *;
  discard temp; discard sequences`

/** Statements that reset what a file depends on, to be sent with others; the rest matters only to an idle session. */
export function forFile({ serverVersion }: Session, settings: SessionSettings): string[] {
  const { applicationName, lockTimeoutMs, statementTimeoutMs, searchPath, role } = settings
  return [
    'reset session authorization',
    role === undefined ? 'reset role' : `set role ${pg.escapeIdentifier(role)}`,
    'reset all',
    `set application_name = ${pg.escapeLiteral(applicationName)}`,
    `set lock_timeout = ${lockTimeoutMs}`,
    `set statement_timeout = ${statementTimeoutMs}`,
    ...(serverVersion >= 170_000 ? ['set transaction_timeout = 0'] : []),
    'set client_min_messages = notice',
    `set client_encoding = 'UTF8'`,
    'set standard_conforming_strings = on',
    ...(searchPath === undefined ? [] : [`set search_path = ${searchPathSql(searchPath)}`]),
    'discard temp',
  ]
}

function setAll(session: Session, settings: SessionSettings, checksClient: boolean): string {
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
    // A role may have it set to `warning`, but a cut identifier is only a notice.
    client_min_messages: 'notice',
    row_security: 'off',
    ...(settings.role === undefined ? {} : { role: settings.role }),
    ...(settings.searchPath === undefined ? {} : { search_path: searchPathSql(settings.searchPath) }),
    ...(checksClient ? { client_connection_check_interval: '1s' } : {}),
  }
  const calls = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${session.client.escapeLiteral(value)}, false)`,
  )
  return `select ${calls.join(', ')}`
}
