import { allowsLongNames } from '../../checks/how-to-allow.ts'
import { Failure, type Place } from '../../errors.ts'
import type { HistoryTables } from '../../history/tables.ts'
import { retryIfCancelled } from '../../postgres/cancel.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { isDemoted } from '../../postgres/demoted.ts'
import { resetSession } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { offsetOfCodePoint, placeAt } from '../../sql/position.ts'
import { StillBusy, whileBusy } from '../apply/contention.ts'
import { unknownEnd } from '../apply/failures.ts'
import { withLimits } from '../apply/limits.ts'
import { collectNotices } from '../apply/notices.ts'
import type { StepContext } from '../apply/step.ts'
import { runAlone } from './alone.ts'
import { assertOutside } from './assertion.ts'
import {
  failedAtFirst,
  interrupted,
  lostOutside,
  placeOfStatement,
  stillBusy,
  stopped,
  stoppedWithin,
} from './failures.ts'
import { type OutsideFile, type OutsideStep, commitsWithin, isUntouched } from './outside-file.ts'
import { UnitError, runInOwnTransaction } from './own-transaction.ts'
import { beginOrResume, finish, forget, hadBegun, progressSql, recordBegun, recordProgress } from './progress.ts'
import { restoreSession } from './restore-session.ts'

export type { OutsideStep } from './outside-file.ts'

/**
 * Runs a file statement by statement, from where an earlier try stopped: what may run in a transaction commits together
 * with its progress; for the rest the catalog decides. Resolves with the milliseconds it took. Throws PARTIAL when
 * something of it remains or may remain, FAILED or BUSY when nothing does, MISMATCH when what had run was changed, LOST.
 */
export async function runStatementByStatement(
  given: StepContext,
  tables: HistoryTables,
  step: OutsideStep,
): Promise<number> {
  const begun = performance.now()
  const run = withLimits(given, step.script.limits)
  const { name } = step.migration
  const outside: OutsideFile = { ...step, run, tables, text: step.script.read() }
  // What nobody has compiled must not stop it in the end.
  step.migration.assertion?.script.read()
  const { done, since } = await beginOrResume(outside)
  await resetSession(run.session, run.settings)
  const notices = collectNotices(run, name, { mayCut: allowsLongNames(step.migration) })
  try {
    if (done > 0) await restoreSession(outside, done)
    for (let i = done; i < step.script.statements.length; i += 1) {
      if (run.signal.aborted) throw interrupted(outside, i, run.signal.reason)
      const resumed = i === done && step.left !== undefined
      await runUnit(outside, i, { since: resumed ? since : undefined, resumed }, notices)
    }
    await assertOutside(run, step.migration).catch((error: unknown) => {
      throw error === run.signal.reason ? interrupted(outside, step.script.statements.length, error) : error
    })
    await finish(outside)
  } catch (error) {
    // No transaction took back what had been sent: "rolled back" would be a guess.
    const cause = error instanceof ScriptError ? error.error : error
    const isLost = error instanceof Failure ? error.code === 'LOST' : isConnectionLost(cause)
    if (isLost && run.signal.aborted) throw unknownEnd(name, run.signal.reason, cause)
    throw isLost && !(error instanceof Failure) ? lostOutside(outside, cause) : cause
  } finally {
    notices.stop()
  }
  return performance.now() - begun
}

type Notices = ReturnType<typeof collectNotices>

/** Whether an earlier try may have begun a statement, and the transaction before whatever that has made. */
interface EarlierTry {
  readonly resumed: boolean
  readonly since: string | undefined
}

/** One statement, or one block. */
async function runUnit(outside: OutsideFile, i: number, earlier: EarlierTry, notices: Notices): Promise<void> {
  const { script } = outside
  const statement = script.statements[i]!
  try {
    if (hadBegun(outside, i)) throw stoppedWithin(outside, i, new Error('an earlier run was stopped in the middle of it'), placeOfStatement(outside, i)) // prettier-ignore
    // Only the server knows whether a CALL commits: in a transaction it says so, and nothing is done.
    if (!statement.alone || statement.kind === 'CallStmt') {
      if (await runWhole(outside, i, notices)) return
      return await runCommitting(outside, i)
    }
    if (commitsWithin(statement)) return await runCommitting(outside, i)
    await runAloneWithProgress(outside, i, earlier)
  } catch (error) {
    throw await explain(outside, i, error)
  }
  const truncated = notices.truncated()
  if (truncated !== undefined) {
    throw stopped(outside, i + 1, { code: '42622', message: truncated }, placeOfStatement(outside, i))
  }
}

function runWhole(outside: OutsideFile, i: number, notices: Notices): Promise<boolean> {
  const { run, migration, script, text } = outside
  const { name, file } = migration
  const unit = { text, statement: script.statements[i]!, record: progressSql(outside, i + 1), name, file }
  const refuse = () => {
    const message = notices.truncated()
    if (message === undefined) return
    throw new UnitError(new ScriptError(0, { code: '42622', message }), placeOfStatement(outside, i))
  }
  return whileBusy(run, name, () => runInOwnTransaction(run, unit, refuse))
}

/** A DO or a CALL that commits: what it has done stays, and nobody can find out how much that is. */
async function runCommitting(outside: OutsideFile, i: number): Promise<void> {
  const { run, migration, text, script } = outside
  const { start, end } = script.statements[i]!
  await recordBegun(outside, i)
  const watch = run.watch(() => migration.name)
  try {
    await runScript(run.session, text.slice(start, end))
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    await rollBack(run.session)
    throw stoppedWithin(outside, i, error.error, placeOf(outside, i, error))
  } finally {
    watch.stop()
  }
  await retryIfCancelled(run.signal, () => recordProgress(outside, i + 1))
}

async function runAloneWithProgress(outside: OutsideFile, i: number, { since, resumed }: EarlierTry): Promise<void> {
  const { run, migration, text, script, invalidIndexes } = outside
  const { name } = migration
  const statement = script.statements[i]!
  const sql = text.slice(statement.start, statement.end)
  const watch = run.watch(() => name)
  try {
    const putBack = await runAlone({ run, name, title: `migration ${name}`, sql, statement, invalidIndexes, resumed, since }) // prettier-ignore
    await retryIfCancelled(run.signal, () => recordProgress(outside, i + 1, putBack))
  } finally {
    watch.stop()
  }
}

/** The failure of a unit that has left nothing behind; any other error is returned as it is. */
async function explain(outside: OutsideFile, i: number, error: unknown): Promise<unknown> {
  const { run } = outside
  const cause = error instanceof ScriptError ? error.error : error
  const isStop = run.signal.aborted && (error === run.signal.reason || !(error instanceof Failure))
  if (isConnectionLost(cause) || !(isStop || error instanceof ScriptError || error instanceof StillBusy)) return error
  if (await isDemoted(run.session, cause)) return lostOutside(outside, cause)
  const isNothing = i === 0 && isUntouched(outside)
  if (isNothing) await retryIfCancelled(run.signal, () => forget(outside))
  if (run.signal.aborted) return interrupted(outside, i, run.signal.reason)
  if (error instanceof StillBusy) return stillBusy(outside, i, error, isNothing)
  const place = placeOf(outside, i, error as ScriptError)
  return isNothing ? failedAtFirst(outside, cause, place) : stopped(outside, i, cause, place)
}

function placeOf(outside: OutsideFile, i: number, error: ScriptError): Place {
  if (error instanceof UnitError) return error.place
  const { text, script, migration } = outside
  const { start } = script.statements[i]!
  const { position } = error.error as { position?: string }
  if (position === undefined) return placeOfStatement(outside, i)
  return placeAt(migration.file, text, start + offsetOfCodePoint(text.slice(start), Number(position) - 1))
}
