import {
  type FoundIndex,
  dropIfAllowed,
  findIndex,
  invalidIndex,
  isAsStated,
  listUnnamed,
} from '../../catalog/indexes.ts'
import { finalizeDetachSql, findLeftover, listReindexCopies } from '../../catalog/leftovers.ts'
import { Failure } from '../../errors.ts'
import { halfDoneCommands } from '../../history/repair/command.ts'
import type { StatedIndex, StatedTarget, Statement } from '../../migration.ts'
import { retryIfCancelled } from '../../postgres/cancel.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { whileBusy } from '../apply/contention.ts'
import { describeSqlError } from '../apply/sql-error.ts'
import type { StepContext } from '../apply/step.ts'

/** A statement that no transaction may hold, and what is known of an earlier try. */
export interface AloneAttempt {
  readonly run: StepContext
  /** For the log. */
  readonly name: string
  /** What it belongs to, for messages: `migration 002_index`. */
  readonly title: string
  readonly sql: string
  readonly statement: Statement
  readonly invalidIndexes: 'fail' | 'drop'
  /** Whether an earlier try may have begun it. */
  readonly resumed: boolean
  /** A transaction that is older than anything that try has made. */
  readonly since: string | undefined
}

/**
 * Runs it, unless the catalog says that an earlier try had done it; resolves with SQL that puts the session's lock_timeout
 * back. Throws PARTIAL with what it has left or may have left, a ScriptError or StillBusy when the catalog says that
 * nothing of it is there, and the socket's error when the connection is lost.
 */
export async function runAlone(alone: AloneAttempt): Promise<string> {
  const { statement } = alone
  const { index, target } = statement
  if (!isConcurrent(alone)) {
    await whileBusy(alone.run, alone.name, () => send(alone))
    return ''
  }
  const putBack = await liftLockTimeout(alone.run)
  if (index) await makeIndex(alone, index)
  else if (target) await workOn(alone, target)
  else await sendUnknown(alone)
  return putBack
}

/** Whether it waits for others half way, where lock_timeout would leave it half done. */
function isConcurrent({ statement: { kind }, sql }: AloneAttempt): boolean {
  return /^(Index|Drop|Reindex|AlterTable)Stmt$/.test(kind) && /\bconcurrently\b/i.test(sql)
}

/** Takes our lock_timeout away; one that the file has set itself stays. */
async function liftLockTimeout({ session, settings }: StepContext): Promise<string> {
  const ours = settings.lockTimeoutMs
  const rows = await session.query(`select pg_catalog.set_config('lock_timeout', '0', false)
    from pg_catalog.pg_settings where name = 'lock_timeout' and setting = '${ours}'`)
  return rows.length === 0 ? '' : `select pg_catalog.set_config('lock_timeout', '${ours}ms', false); `
}

async function send({ run, sql, statement, resumed }: AloneAttempt, text = sql): Promise<void> {
  try {
    await runScript(run.session, text)
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    await rollBack(run.session)
    if (!resumed || !alreadyDone[statement.kind]?.includes(codeOf(error) ?? '')) throw error
  }
}

/** The error codes of a statement that had already run before the crash. */
const alreadyDone: Readonly<Record<string, readonly string[]>> = {
  DropStmt: ['42704', '42P01'],
  DropdbStmt: ['3D000'],
  CreatedbStmt: ['42P04'],
  CreateTableSpaceStmt: ['42710'],
  DropTableSpaceStmt: ['42704'],
  CreateSubscriptionStmt: ['42710'],
  AlterTableStmt: ['42P01'],
}

async function makeIndex(alone: AloneAttempt, stated: StatedIndex): Promise<void> {
  const { run, title, resumed, invalidIndexes } = alone
  const before = await listMade(alone, stated)
  const isNamed = stated.name !== null
  // An index without a name is only ours when it came after our row.
  for (const found of before.filter(({ younger }) => isNamed || (resumed && younger))) {
    if (!isNamed && stated.plain === false) throw undecided(title, alone.name, found)
    if (!found.valid) {
      if (!(await dropIfAllowed(run.session, found, invalidIndexes))) throw invalidIndex(title, found)
    } else if (resumed) {
      if (isAsStated(found, stated)) return
      throw otherIndex(title, found.name)
    }
  }
  let cause: unknown
  try {
    await send(alone)
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    cause = error
  }
  const known = new Set(before.map(({ oid }) => oid))
  const after = await retryIfCancelled(run.signal, () => listMade(alone, stated))
  const left = after.find(({ valid, oid }) => !valid && (isNamed || !known.has(oid)))
  if (left) throw invalidIndex(title, left, cause instanceof ScriptError ? cause.error : undefined)
  const isMade = after.some((found) => found.valid && !known.has(found.oid) && isAsStated(found, stated))
  if (cause !== undefined && !isMade) throw cause
}

async function listMade({ run: { session }, since }: AloneAttempt, stated: StatedIndex): Promise<FoundIndex[]> {
  if (stated.name === null) return listUnnamed(session, stated, since)
  const found = await findIndex(session, stated)
  return found ? [found] : []
}

async function workOn(alone: AloneAttempt, target: StatedTarget): Promise<void> {
  const { run, title, resumed, since, invalidIndexes } = alone
  const { session } = run
  const copies = target.action === 'reindex' ? await listReindexCopies(session, target, since) : []
  const known = new Set(copies.map(({ oid }) => oid))
  for (const copy of copies.filter(({ younger, building }) => resumed && younger && !building))
    if (await dropIfAllowed(session, copy, invalidIndexes)) known.delete(copy.oid)
  const isOurs = ({ oid }: FoundIndex) => !known.has(oid)
  const earlier = copies.filter(({ oid, younger }) => known.has(oid) && resumed && younger)
  if (earlier.length > 0) {
    const left = await findLeftover(session, target, undefined, ({ oid }) => earlier.some((one) => one.oid === oid))
    if (left !== null && left !== 'done') throw leftBehind(title, left, 'an earlier attempt did not finish')
  }
  const goOn = resumed ? await finalizeDetachSql(session, target) : undefined
  try {
    await send(alone, goOn)
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    const left = await retryIfCancelled(run.signal, () => findLeftover(session, target, codeOf(error), isOurs))
    if (left === 'done') return
    if (left !== null) throw leftBehind(title, left, error.error)
    throw error
  }
}

/** A bundle of an earlier compiler does not say what to look for. */
async function sendUnknown(alone: AloneAttempt): Promise<void> {
  try {
    await send(alone)
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    const what = 'its statement may have left something half done (an invalid index, a partition half detached)'
    const next =
      'Look in the catalog, mend it, and start again, or run one of these. A bundle compiled anew lets us look.'
    throw leftBehind(alone.title, { what, list: halfDoneCommands(alone.name), next }, error.error)
  }
}

function leftBehind(title: string, left: { what: string; list: readonly string[]; next: string }, cause: unknown) {
  const facts = typeof cause === 'string' ? { reason: cause } : describeSqlError(cause)
  return new Failure('PARTIAL', `${title} stopped half way: ${left.what}`, { ...facts, list: left.list, next: left.next }, cause) // prettier-ignore
}

/** The index is as the statement says in all that can be compared, but both have parts that cannot be. */
function undecided(title: string, name: string, { name: index }: FoundIndex): Failure {
  const what = `${title} stopped half way, and whether the index ${index}, which came since, is its own cannot be told: its statement gives no name`
  return new Failure('PARTIAL', what, {
    list: [`when it is and may be made again: drop index concurrently ${index};`, ...halfDoneCommands(name)],
    next:
      `Look at it. When it is the one, write its name into the file (create index concurrently ${index} on ...); when it ` +
      'is not, another name. Then start again.',
  })
}

function otherIndex(title: string, index: string): Failure {
  const what = `${title} stopped half way, and the index ${index} exists but is not as the file says`
  return new Failure('PARTIAL', what, {
    list: [`drop index concurrently ${index};`],
    next: 'Drop that index, or rename it, then start again.',
  })
}

function codeOf({ error }: ScriptError): string | undefined {
  return (error as { code?: string }).code
}
