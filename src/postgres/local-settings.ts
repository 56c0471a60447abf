import { searchPathSql } from './search-path.ts'
import type { Session } from './session.ts'

export interface LocalSettings {
  readonly lockTimeoutMs: number
  /** The role that asks, undefined for the one that logs in. */
  readonly role: string | undefined
  /** Where names without a schema are looked for, undefined for the server's own setting. */
  readonly searchPath?: readonly string[] | undefined
  /** Set where nothing may be written, whatever is asked. */
  readonly readOnly?: true
}

/**
 * The session for questions that leave no trace on it: each is sent together with its local settings in one message,
 * which is one transaction. So it may even come through a pooler that gives the server process to the application next.
 */
export function withLocalSettings(session: Session, settings: LocalSettings): Session {
  return withSettings(session, localValues(settings))
}

/** The same as parameters of the server and their values, for who sends a message of several statements. */
export function localValues(settings: LocalSettings): Readonly<Record<string, string>> {
  const { lockTimeoutMs, role, searchPath, readOnly } = settings
  return {
    ...(readOnly ? { transaction_read_only: 'on' } : {}),
    ...(searchPath === undefined ? {} : { search_path: searchPathSql(searchPath) }),
    lock_timeout: `${lockTimeoutMs}ms`,
    statement_timeout: '0',
    // A history that row-level security hides would look empty; so it is an error instead.
    row_security: 'off',
    ...(role === undefined ? {} : { role }),
  }
}

/** The same with the role as its only setting, for the first question to a server. */
export function withLocalRole(session: Session, role: string): Session {
  return withSettings(session, { role })
}

function withSettings(session: Session, values: Readonly<Record<string, string>>): Session {
  const settings = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${session.client.escapeLiteral(value)}, true)`,
  )
  const ask = async <Row extends object>(sql: string): Promise<Row[]> => {
    const results = await session.client.query(`select ${settings.join(', ')};\n${sql}`)
    // A message of several statements has as many results.
    return (results as unknown as readonly { rows: Row[] }[]).at(-1)!.rows
  }
  return {
    ...session,
    // What a message of several statements cannot have; a parameter that was dropped would change the question.
    query: async (sql, params) => {
      if (params !== undefined) throw new TypeError('a question with local settings has no parameters')
      return ask<never>(sql).catch(async (error: unknown) => {
        if (values['role'] === undefined) throw error
        // Its own questions must be asked without that role, which was just refused.
        const bare = { ...session, query: async (text: string) => (await session.client.query(text)).rows as never[] }
        throw await (await import('./connect/role.ts')).explainRole(bare, values['role'], error)
      })
    },
  }
}
