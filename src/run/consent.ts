import { Failure } from '../errors.ts'
import { quoteForShell, repairCommand } from '../history/repair/command.ts'
import { type HistoryTables, nullIfMissing } from '../history/tables.ts'
import type { Session } from '../postgres/session.ts'
import type { Flag, Run } from './run.ts'

/** The flag of every command that can destroy data. */
export const consentFlag: Readonly<Record<string, Flag>> = {
  'yes-destroy': {
    value: 'database',
    summary: 'the name of the database, when it is marked production, or not marked',
  },
}

/**
 * The environment that the database is marked as: production if any run has said so since the last repair, else what
 * the newest run said. So no run takes the guard off a production database by accident, and a repair does it for good.
 */
export async function readMarkedEnvironment(session: Session, tables: HistoryTables): Promise<string> {
  return (await readMark(session, tables)) ?? 'production'
}

/** The same, null for a database that no run has marked, or that has none of our tables. */
export async function readMark(session: Session, tables: HistoryTables): Promise<string | null> {
  const rows = await nullIfMissing(session, tables, () => askMark(session, tables))
  return rows?.[0]?.environment ?? null
}

function askMark(session: Session, tables: HistoryTables): Promise<{ environment: string }[]> {
  return session.query<{ environment: string }>(
    `select environment from ${tables.runs}
     where id >= coalesce((select max(id) from ${tables.runs} where command = 'repair'), 0)
     order by environment ~* '^prod(uction)?$' desc, id desc limit 1`,
  )
}

/** In any spelling, because capitals must not get around the guard. */
export function isProduction(environment: string): boolean {
  return /^prod(uction)?$/i.test(environment)
}

/**
 * Throws REFUSED when a database that is marked production, or not marked at all, is to lose something and its name was
 * not given with the consent.
 */
export async function requireConsent(run: Run, session: Session, tables: HistoryTables): Promise<void> {
  const mark = await readMark(session, tables)
  const given = run.flags['yes-destroy']
  const database = session.client.database ?? ''
  if (given === database || (mark !== null && !isProduction(mark) && given === undefined)) return
  if (given !== undefined) {
    throw new Failure('REFUSED', `--yes-destroy names ${String(given)}, but this is ${database}; nothing was changed`)
  }
  const is = mark === null ? 'is not marked, which counts as production' : 'is marked production'
  throw new Failure('REFUSED', `the database ${database} ${is}; nothing was changed`, {
    next:
      `If that is what you want, say so: --yes-destroy ${quoteForShell(database)}. Or, when it is no production database, ` +
      `set UPFRONT_ENV for its runs and mark it: ${repairCommand('environment', 'development')}`,
  })
}
