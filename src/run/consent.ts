import { Failure } from '../errors.ts'
import { quoteForShell, repairCommand } from '../history/repair/command.ts'
import type { HistoryTables } from '../history/tables.ts'
import type { Session } from '../postgres/session.ts'
import type { Flag, Run } from './run.ts'

/** The flag of every command that can destroy data. */
export const consentFlag: Readonly<Record<string, Flag>> = {
  'yes-destroy': { value: 'database', summary: 'the name of the database, when it is marked production' },
}

/**
 * The environment that the database is marked as: production if any run has said so since the last repair, else what
 * the newest run said. So no run takes the guard off a production database by accident, and a repair does it for good.
 */
export async function readMarkedEnvironment(session: Session, tables: HistoryTables): Promise<string> {
  const [row] = await session.query<{ environment: string }>(
    `select environment from ${tables.runs}
     where id >= coalesce((select max(id) from ${tables.runs} where command = 'repair'), 0)
     order by environment ~* '^prod(uction)?$' desc, id desc limit 1`,
  )
  return row?.environment ?? 'production'
}

/** In any spelling, because capitals must not get around the guard. */
export function isProduction(environment: string): boolean {
  return /^prod(uction)?$/i.test(environment)
}

/** Throws REFUSED when a database marked production is to lose something and its name was not given with the consent. */
export async function requireConsent(run: Run, session: Session, tables: HistoryTables): Promise<void> {
  const environment = await readMarkedEnvironment(session, tables)
  const given = run.flags['yes-destroy']
  const database = session.client.database ?? ''
  if (given === database || (!isProduction(environment) && given === undefined)) return
  if (given !== undefined) {
    throw new Failure('REFUSED', `--yes-destroy names ${String(given)}, but this is ${database}; nothing was changed`)
  }
  throw new Failure('REFUSED', `the database ${database} is marked production; nothing was changed`, {
    next:
      `If that is what you want, say so: --yes-destroy ${quoteForShell(database)}. Or, when it is no production database, ` +
      `set UPFRONT_ENV for its runs and mark it: ${repairCommand('environment', 'development')}`,
  })
}
