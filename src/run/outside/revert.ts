import { Failure } from '../../errors.ts'
import { repairCommand } from '../../history/repair/command.ts'
import { type HistoryRow, isTakingBack, rowOf, takingBack } from '../../history/rows.ts'
import { type HistoryTables, withAlongsideRevert } from '../../history/tables.ts'
import type { Statement } from '../../migration.ts'
import { retryIfCancelled } from '../../postgres/cancel.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { prepareSession, toOwnRole } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { offsetOfCodePoint, placeAt } from '../../sql/position.ts'
import { StillBusy, whileBusy } from '../apply/contention.ts'
import { busy, nameBlocker } from '../apply/failures.ts'
import { describeSqlError } from '../apply/sql-error.ts'
import type { StepContext } from '../apply/step.ts'
import { runAlone } from './alone.ts'
import { commitsWithin } from './outside-file.ts'
import { UnitError, runInOwnTransaction } from './own-transaction.ts'
import { inOwnRole } from './progress.ts'

/** A down that no transaction may hold. */
export interface OutsideDown {
  readonly run: StepContext
  readonly tables: HistoryTables
  readonly row: HistoryRow
  readonly name: string
  /** For messages. */
  readonly file: string
  readonly text: string
  readonly statements: readonly Statement[]
}

/**
 * Takes a migration back statement by statement, and then its row; resolves with the milliseconds it took. Throws PARTIAL
 * when part of it is or may be taken back, FAILED or BUSY when nothing is.
 */
export async function revertOutside(down: OutsideDown): Promise<number> {
  const begun = performance.now()
  const { run, tables, name, statements } = down
  await prepareSession(run.session, run.settings)
  run.signal.throwIfAborted()
  // After a crash in the middle nobody must take it for applied.
  await setState(down, 'running', takingBack)
  for (const [i, statement] of statements.entries()) {
    if (run.signal.aborted && i > 0) throw partial(down, i, run.signal.reason)
    try {
      await runStatement(down, statement)
    } catch (error) {
      const told = explain(down, i, error)
      const isWhole = !isTakingBack(down.row) && !(told instanceof Failure && told.code === 'PARTIAL')
      // When that fails, the row stays `running`, and the next run only asks what to do.
      if (isWhole)
        await retryIfCancelled(run.signal, () => setState(down, down.row.state, down.row.doneChecksum)).catch(() => {})
      throw told
    }
  }
  await runScript(
    run.session,
    `${toOwnRole(run.settings)}; ${withAlongsideRevert(tables, name, [
      `seeds as (delete from ${tables.history} where kind <> 'migration')`,
    ])}delete from ${tables.history} where ${rowOf(run.session, 'migration', name)}`,
  )
  return performance.now() - begun
}

async function setState(down: OutsideDown, state: string, doneChecksum: string | null): Promise<void> {
  const { run, tables, name } = down
  const mark = doneChecksum === null ? 'null' : run.session.client.escapeLiteral(doneChecksum)
  await inOwnRole(down, `update ${tables.history} set state = '${state}', done_checksum = ${mark} where ${rowOf(run.session, 'migration', name)}`) // prettier-ignore
}

async function runStatement(down: OutsideDown, statement: Statement): Promise<void> {
  const { run, name, file, text } = down
  const sql = text.slice(statement.start, statement.end)
  if (!statement.alone || statement.kind === 'CallStmt') {
    const unit = { text, statement, record: '', name, file }
    if (await whileBusy(run, name, () => runInOwnTransaction(run, unit, () => {}))) return
    return runCommitting(down, sql)
  }
  if (commitsWithin(statement)) return runCommitting(down, sql)
  const title = `the down of ${name}`
  const putBack = await runAlone({ run, name, title, sql, statement, invalidIndexes: 'fail', resumed: false, since: undefined }) // prettier-ignore
  if (putBack !== '') await runScript(run.session, putBack)
}

/** Runs a statement that commits: what it has done stays, whatever happens. */
async function runCommitting({ run }: OutsideDown, sql: string): Promise<void> {
  try {
    await runScript(run.session, sql)
  } catch (error) {
    await rollBack(run.session)
    throw new Error((error as Error).message, { cause: error })
  }
}

function explain(down: OutsideDown, i: number, error: unknown): unknown {
  const { run, name } = down
  // What an earlier try has taken back is gone, whatever this one has done.
  const isFirst = i === 0 && !isTakingBack(down.row)
  if (error instanceof Failure) return error.code === 'PARTIAL' || isFirst ? error : partial(down, i, error)
  const isProved = error instanceof ScriptError || error instanceof StillBusy
  const cause = error instanceof ScriptError ? error.error : error
  if (!isFirst || !isProved || isConnectionLost(cause)) return partial(down, i, error)
  if (run.signal.aborted) return run.signal.reason
  if (error instanceof StillBusy) return busy({ name: `the down of ${name}` }, run.lockRetryMs, error.cause, error.watch.blockers()) // prettier-ignore
  const what = `the down of ${name} failed at its first statement; nothing of it remains, and ${name} is still applied`
  return new Failure(
    'FAILED',
    what,
    { ...describeSqlError(cause), place: placeOf(down, i, error as ScriptError) },
    error,
  )
}

function partial(down: OutsideDown, i: number, error: unknown): Failure {
  const { name, file, statements } = down
  const cause = error instanceof ScriptError ? error.error : ((error as Error).cause ?? error)
  return new Failure(
    'PARTIAL',
    `the down of ${name} stopped after ${i} of ${statements.length} statements`,
    {
      ...describeSqlError(cause),
      place: placeOf(down, i, error),
      list: error instanceof StillBusy ? error.watch.blockers().map(nameBlocker) : [],
      next: `Take back the rest of ${file} by hand, then: ${repairCommand('forget', name)}\nOr, when it can run again from its beginning: upfront down`,
    },
    error,
  )
}

function placeOf({ file, text, statements }: OutsideDown, i: number, error: unknown) {
  if (error instanceof UnitError) return error.place
  const start = statements[i]?.start ?? text.length
  const { position } = (error instanceof ScriptError ? error.error : {}) as { position?: string }
  const point = position === undefined ? 0 : offsetOfCodePoint(text.slice(start), Number(position) - 1)
  return placeAt(file, text, start + point)
}
