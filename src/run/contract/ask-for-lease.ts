import type { Event } from '../../events.ts'
import { historyTables } from '../../history/tables.ts'
import type { HistoryTables } from '../../history/tables.ts'
import { isContention } from '../../postgres/classify.ts'
import { NotYet } from '../../postgres/connect/wait.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { withServer } from '../server.ts'

/**
 * Connects for one statement, because three hundred pods that hold would else have as many sessions; `then` has the session,
 * and the same with our settings. Waits for the table as for the server.
 */
export async function askForLease(
  run: Run,
  statement: (session: Session, tables: HistoryTables) => Promise<void>,
  then: (session: Session, reader: Session) => Promise<void> = async () => {},
): Promise<void> {
  const { lockTimeoutMs, target } = run.config
  const { role, searchPath } = target!
  const local = (session: Session) => withLocalSettings(session, { lockTimeoutMs, role, searchPath })
  await withServer(
    run,
    (session) => statement(local(session), historyTables(session, run.config)).catch((error) => notYet(run, error)),
    (session) => then(session, local(session)),
  )
}

function notYet({ config }: Run, error: { code?: string; message: string }): never {
  if (isContention(error)) throw new NotYet(`somebody has locked the table of leases: ${error.message}`)
  if (error.code !== '42P01' && error.code !== '3F000') throw error
  // The leases are those of an application, which serves all tenants.
  const who = config.tenant
    ? `without a tenant, in the schema ${JSON.stringify(config.leaseSchema)},`
    : 'of this version'
  throw new NotYet(`there is no table for leases yet; upfront up ${who} makes it`)
}

/** Where waiting for the server is no news. */
export function unlessOfWaiting({ emit }: Run): Run['emit'] {
  return (event: Event) => {
    if (event.type !== 'waiting' && event.type !== 'ready') emit(event)
  }
}
