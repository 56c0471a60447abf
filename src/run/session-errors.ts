import { Failure } from '../errors.ts'
import { type HistoryTables, deniedTables } from '../history/tables.ts'
import { isConnectionLost, isContention } from '../postgres/classify.ts'
import { NotYet, ReadOnly } from '../postgres/connect/wait.ts'
import { isDemoted } from '../postgres/demoted.ts'
import type { Session } from '../postgres/session.ts'

interface ServerError extends Error {
  readonly severity?: string
  readonly code?: string
}

/**
 * What an error of our own statements means, not of a migration's: the connection is gone, the server is no longer the
 * primary, the role may not do this, somebody has changed our tables. Anything else is returned as it is.
 */
export async function explainSessionError(error: unknown, session: Session, tables: HistoryTables): Promise<unknown> {
  if (error instanceof Failure) return error
  const { message, code = '', severity } = error as ServerError
  // Whoever connects again waits for a primary.
  const belongsElsewhere = error instanceof NotYet || error instanceof ReadOnly || (await isDemoted(session, error))
  if (belongsElsewhere || isConnectionLost(error)) {
    const next = 'Run it again: the history says what was committed.'
    return new Failure('LOST', 'the connection to the server was lost', { reason: message, next }, error)
  }
  if (severity === undefined) return error
  const facts = { sqlstate: code, reason: message }
  if (isContention(error)) {
    const next = 'Run it again when the transaction that holds them has ended.'
    return new Failure(
      'BUSY',
      'our own tables are locked by somebody else; nothing was applied',
      { ...facts, next },
      error,
    )
  }
  if (code === '42501') return deniedTables(session, tables, error)
  if (code === '25006') {
    const next = 'Make it writable (default_transaction_read_only, a full disk?), or connect to the primary.'
    return new Failure('UNSAFE', 'the database is read only; nothing was changed', { ...facts, next }, error)
  }
  if (/^(42|23|22)/.test(code)) {
    const next =
      'Restore them, or put them right by docs/formats.md: they are the record of what was applied. Or set them aside, ' +
      `which loses nothing, and begin anew:\n${setAside(tables)}\n` +
      'upfront baseline --to <the last migration that this database has>'
    return new Failure(
      'MISMATCH',
      `our tables in schema ${tables.schema} are not as we made them`,
      { ...facts, next },
      error,
    )
  }
  return new Failure(
    'DENIED',
    'the server refused one of our own statements',
    { ...facts, next: 'See its words above.' },
    error,
  )
}

/** The schema of a tenant holds more than our tables, and so does one that is not ours alone. */
function setAside({ schema, tenant, runs, history }: HistoryTables): string {
  if (!tenant && schema !== '"public"') return `alter schema ${schema} rename to upfront_aside;`
  return [runs, history]
    .map((table) => `alter table if exists ${table} rename to ${table.split('.').at(-1)}_aside;`)
    .join(' ')
}
