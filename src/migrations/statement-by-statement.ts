import { Failure } from '../errors.ts'
import { insist } from '../postgres/cancel.ts'
import { isConnectionLost } from '../postgres/classify.ts'
import { prepareSession } from '../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../postgres/script.ts'
import type { Session } from '../postgres/session.ts'
import { refuseInvalid, runAlone } from './alone.ts'
import { lost, stopped, stoppedWithin } from './loose-failures.ts'
import { beginOrResume, finish, forget, progressSql } from './loose-progress.ts'
import type { LooseStep } from './loose-step.ts'
import { collectNotices } from './notices.ts'
import { unknownEnd } from './step-failures.ts'
import type { StepRun } from './step.ts'
import type { HistoryTables } from './tables.ts'

/**
 * Runs a file statement by statement, from where an earlier try stopped: a statement that may run in a transaction
 * commits together with its progress; for the others the catalog decides. Resolves with the milliseconds it took.
 * Throws PARTIAL when something of it remains, FAILED when nothing does, MISMATCH when what had run was changed, LOST.
 */
export async function runStatementByStatement(run: StepRun, tables: HistoryTables, step: LooseStep): Promise<number> {
  const begun = performance.now()
  const text = step.script.read()
  const { statements } = step.script
  const done = await beginOrResume(run, tables, step, text)
  // lock_timeout would leave an invalid index behind; the deadline and a signal bound these statements.
  await prepareSession(run.session, { ...run.settings, lockTimeoutMs: 0 })
  const watch = run.watch(() => step.migration.name)
  const notices = collectNotices(run, step.migration.name)
  try {
    for (let i = done; i < statements.length; i += 1) {
      run.signal.throwIfAborted()
      const resumed = i === done && step.left !== undefined
      await runStatement(run, tables, step, text, i, resumed)
      const truncated = notices.truncated()
      if (truncated !== undefined) throw stopped(step, text, i + 1, { code: '42622', message: truncated })
    }
    await finish(run, tables, step)
  } catch (error) {
    // No transaction took back what had been sent: "rolled back" would be a guess.
    const isLost = error instanceof Failure ? error.code === 'LOST' : isConnectionLost(error)
    if (isLost && run.signal.aborted) throw unknownEnd(step.migration.name, run.signal.reason, error)
    throw error
  } finally {
    watch.stop()
    notices.stop()
  }
  return performance.now() - begun
}

async function runStatement(
  run: StepRun,
  tables: HistoryTables,
  step: LooseStep,
  text: string,
  i: number,
  resumed: boolean,
): Promise<void> {
  const { session } = run
  const statement = step.script.statements[i]!
  const sql = text.slice(statement.start, statement.end)
  const progress = progressSql(run, tables, step, text, i + 1)
  let begun = false
  try {
    if (!statement.alone) {
      const lock = `select 1 / pg_catalog.pg_try_advisory_xact_lock(${run.lockKey})::int`
      const whole = `begin;\n${lock};\n${sql}\n;${progress};\ncommit`
      if (await commitsByItself(session, whole)) return
      // A DO or a CALL with a COMMIT of its own: as far as it comes, it stays.
      begun = true
    }
    await runAlone(run, step, statement, sql, resumed)
    await insist(run.signal, () => runScript(session, progress))
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    if (isConnectionLost(error.error)) throw lost(step, error.error)
    await rollBack(session)
    await refuseInvalid(run, step, statement, error.error)
    if (run.signal.aborted) throw run.signal.reason
    if (begun) throw stoppedWithin(step, text, i, error.error)
    if (i === 0) await forget(run, tables, step)
    throw stopped(step, text, i, error.error)
  }
}

/** Runs a statement and its progress as one transaction; false when it ends transactions itself, and nothing was done. */
async function commitsByItself(session: Session, whole: string): Promise<boolean> {
  try {
    await runScript(session, whole)
    return true
  } catch (error) {
    if (!(error instanceof ScriptError) || (error.error as { code?: string }).code !== '2D000') throw error
    await rollBack(session)
    return false
  }
}
