import { canonical } from '../../catalog/describe/settings.ts'
import { Failure } from '../../errors.ts'
import type { HistoryTables } from '../../history/tables.ts'
import { isConnectionLost, isContention } from '../../postgres/classify.ts'
import { isDemoted } from '../../postgres/demoted.ts'
import { rollBack } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { StillBusy, whileBusy } from '../apply/contention.ts'
import { busy, lockGone, lostConnection } from '../apply/failures.ts'
import { describeSqlError } from '../apply/sql-error.ts'
import type { StepContext } from '../apply/step.ts'
import type { Job } from '../job.ts'
import type { Claims } from './claims.ts'
import { dropStatements, isLocked } from './drop-sql.ts'
import { type Dropping, findDropping } from './dropping.ts'
import { recordReset } from './history.ts'
import { refuseStrangers } from './refuse.ts'

const name = 'the reset'

/** What is to be dropped, and where it is noted that it was. */
export interface DropAll {
  readonly job: Job
  readonly tables: HistoryTables
  readonly claims: Claims
  /** Hears the id of the reset's row before it is committed. */
  readonly note: (id: string) => void
}

/** Looks at what there is to drop, in one snapshot, and changes nothing. */
export async function lookAhead({ session }: StepContext, claims: Claims): Promise<Dropping> {
  try {
    await session.query(`begin isolation level repeatable read read only; ${asWritten(session)}`)
    return await findDropping(session, claims)
  } finally {
    await rollBack(session)
  }
}

/**
 * Drops everything that is claimed together with the rows of the history, in one transaction, and again when others' locks
 * stopped it; what there is is proved once more under our own locks. Answers what was dropped. Throws BUSY, DENIED, FAILED,
 * REFUSED or LOST, and then nothing has changed, but that of LOST only the history knows.
 */
export async function dropAll(on: StepContext, all: DropAll): Promise<Dropping> {
  try {
    return await whileBusy(on, name, () => dropOnce(on, all))
  } catch (error) {
    if (on.signal.aborted) throw on.signal.reason
    if (error instanceof StillBusy) {
      const { code, message, facts } = busy({ name }, on.lockRetryMs, error.cause, error.watch.blockers())
      const next = 'Run it again when the blocking transactions have ended, or raise UPFRONT_LOCK_RETRY.'
      throw new Failure(code, message, { ...facts, next }, error)
    }
    if (error instanceof Failure) throw error
    if (isConnectionLost(error) || (await isDemoted(on.session, error))) throw lostConnection(name, error)
    throw explain(error)
  }
}

async function dropOnce({ session, lockKey, signal }: StepContext, all: DropAll): Promise<Dropping> {
  signal.throwIfAborted()
  try {
    // Under another level what is found again would be what was there before we had the locks.
    await session.query('begin isolation level read committed read write')
    await session.query(`select 1 / pg_catalog.pg_try_advisory_xact_lock(${lockKey})::int`).catch((error: unknown) => {
      throw (error as { code?: string }).code === '22012' ? lockGone({ name }, error) : error
    })
    await session.query(asWritten(session))
    const dropping = await lockAndFind(session, all.claims)
    await drop(session, { drops: dropping.drops.filter(isLocked), schemas: [] })
    // Types and functions know no lock: others may have begun to use them since, and tables take the longest.
    const rest = await find(session, all.claims)
    await drop(session, rest)
    all.note(await recordReset(all.job, session, all.tables))
    await session.query('commit')
    return dropping
  } catch (error) {
    await rollBack(session)
    throw error
  }
}

/** Nobody makes a view or a foreign key of a table that is locked, so what is found of them then stays true until the end. */
async function lockAndFind(session: Session, claims: Claims): Promise<Dropping> {
  const { drops } = await find(session, claims)
  const tables = drops.flatMap((one) => (one.kind === 'table' ? [one.name] : []))
  if (tables.length > 0) await session.query(`lock table ${tables.join(', ')} in access exclusive mode`)
  return find(session, claims)
}

async function find(session: Session, claims: Claims): Promise<Dropping> {
  const dropping = await findDropping(session, claims)
  refuseStrangers(session, dropping, claims)
  return dropping
}

async function drop(session: Session, what: Pick<Dropping, 'drops' | 'schemas'>): Promise<void> {
  for (const sql of dropStatements(what)) await session.query(sql)
}

/** Names are found and said as descriptions say them, whatever the session has set. */
function asWritten({ client }: StepContext['session']): string {
  const values = { ...canonical, client_min_messages: 'warning' }
  const calls = Object.entries(values).map(
    ([key, value]) => `pg_catalog.set_config('${key}', ${client.escapeLiteral(value)}, true)`,
  )
  return `select ${calls.join(', ')}`
}

function explain(error: unknown): Failure {
  const { code } = error as { code?: string }
  if (code === undefined) throw error
  if (isContention(error)) throw error
  const facts = describeSqlError(error, 'See its words above; nothing has to be mended before it is tried again.')
  if (code === '42501')
    return new Failure('DENIED', 'this role may not drop all of it; nothing was changed', facts, error)
  const next =
    code === '53200'
      ? 'Each table, index and sequence needs a lock until the end: raise max_locks_per_transaction and restart the server. ' +
        'Or drop the database, create it and run upfront up, when nothing else is in it.'
      : facts.next
  return new Failure('FAILED', 'the reset failed and was rolled back; nothing was changed', { ...facts, ...(next ? { next } : {}) }, error) // prettier-ignore
}
