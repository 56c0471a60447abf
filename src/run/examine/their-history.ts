import { Failure } from '../../errors.ts'
import type { ForeignHistory } from '../../history/adopt/adopter.ts'
import { adopters } from '../../history/adopt/adopters.ts'
import { type Place, deniedForeign } from '../../history/adopt/refuse.ts'
import type { HistoryRow } from '../../history/rows.ts'
import type { Bundle, Format } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { type Foreign, readForeign } from '../adopt/foreign-history.ts'
import type { Run } from '../run.ts'
import { type Attempt, attempt } from './attempt.ts'

/** Reads the history of the tool whose folder it is; DENIED with the grants that are missing when it may not be read. */
export async function readTheirs(
  run: Run,
  session: Session,
  bundle: Bundle,
  ours: readonly HistoryRow[],
): Promise<Attempt<Foreign | null>> {
  const { reader, asked } = remembering(session)
  return attempt(run, () =>
    readForeign(run, reader, bundle, ours).catch((error: unknown) => {
      throw isDenied(error) ? mayNotRead(session, asked.last, error) : error
    }),
  )
}

/**
 * The first history with rows in a database where nobody expects one, of any tool but the folder's own; null for none,
 * DENIED when it may not be read.
 */
export async function findStranger(
  session: Session,
  own: Format | undefined,
): Promise<(Place & { readonly from: Format }) | null> {
  for (const { format, read } of adopters) {
    if (format === own) continue
    const history = await read(session).catch((error: unknown): ForeignHistory | null => {
      throw isDenied(error) ? deniedForeign(format, session.client.escapeIdentifier(session.role), error) : error
    })
    if (history && history.rows.length > 0) return { from: format, history }
  }
  return null
}

function isDenied(error: unknown): boolean {
  const { code, facts } = error as { code?: string; facts?: { readonly sqlstate?: string } }
  return code === '42501' || (code === 'DENIED' && facts?.sqlstate === '42501')
}

/** The session, and the last question that it was asked: that is the one which was refused. */
function remembering(session: Session): { readonly reader: Session; readonly asked: { last: string } } {
  const asked = { last: '' }
  const query: Session['query'] = (sql, params) => {
    asked.last = sql
    return session.query(sql, params)
  }
  return { reader: { ...session, query }, asked }
}

const name = '("([^"]|"")+"|[\\w$]+)'

/** The table that a question reads, and its schema, as SQL writes them. */
export function tableOf(sql: string): { readonly table: string; readonly schema: string } | null {
  const found = new RegExp(`\\bfrom\\s+((?<schema>${name})\\.${name})`, 'i').exec(sql)
  return found ? { table: found[1]!, schema: found.groups!['schema']! } : null
}

function mayNotRead(session: Session, sql: string, cause: unknown): Failure {
  const role = session.client.escapeIdentifier(session.role)
  const found = tableOf(sql)
  const next = found
    ? `As its owner: grant usage on schema ${found.schema} to ${role}; grant select on ${found.table} to ${role};`
    : `As its owner: grant select on it to ${role}, and usage on its schema.`
  const { message } = cause as Error
  return new Failure(
    'DENIED',
    `the role ${role} may not read the other tool's history${found ? `, ${found.table}` : ''}`,
    { sqlstate: '42501', reason: message, next },
    cause,
  )
}
