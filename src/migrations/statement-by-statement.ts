import { createHash } from 'node:crypto'
import { Failure } from '../errors.ts'
import { insist } from '../postgres/cancel.ts'
import { isConnectionLost } from '../postgres/classify.ts'
import { prepareSession, toOwnRole } from '../postgres/prepare.ts'
import { placeAt } from '../postgres/position.ts'
import { ScriptError, rollBack, runScript } from '../postgres/script.ts'
import type { Session } from '../postgres/session.ts'
import { type HistoryRow, rowOf } from './history.ts'
import { dropIfAllowed, findIndex, invalidIndex, isAsStated } from './indexes.ts'
import type { Migration, SqlScript, Statement } from './migration.ts'
import { collectNotices } from './notices.ts'
import { describeSqlError } from './sql-error.ts'
import { unknownEnd } from './step-failures.ts'
import type { StepRun } from './step.ts'
import type { HistoryTables } from './tables.ts'

/** A migration that runs outside a transaction, and what the history knows of an earlier try. */
export interface LooseStep {
  readonly migration: Migration
  readonly script: SqlScript
  readonly runId: string
  /** The row an interrupted try left. */
  readonly left: HistoryRow | undefined
  readonly invalidIndexes: 'fail' | 'drop'
}

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

/** How many statements are done already; the row says `running` from here on. */
async function beginOrResume(run: StepRun, tables: HistoryTables, step: LooseStep, text: string): Promise<number> {
  const { migration, left, runId } = step
  const { session } = run
  if (left === undefined) {
    await session.query(
      `insert into ${tables.history} (kind, name, checksum, state, down, run) values ('migration', $1, $2, 'running', $3, $4)`,
      [migration.name, migration.checksum, migration.down, runId],
    )
    return 0
  }
  const done = left.statementsDone
  if (done > 0 && left.doneChecksum !== checksumOf(step.script, text, done)) throw changedBehind(step, done)
  await session.query(
    `update ${tables.history} set checksum = $1, down = $2, run = $3 where ${rowOf(session, 'migration', migration.name)}`,
    [migration.checksum, migration.down, runId],
  )
  return done
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

/** A statement that no transaction may hold; after a crash nobody but the catalog knows whether it ran. */
async function runAlone(
  run: StepRun,
  step: LooseStep,
  statement: Statement,
  sql: string,
  resumed: boolean,
): Promise<void> {
  const { index } = statement
  const before = index ? await findIndex(run.session, index) : undefined
  if (index && before && !before.valid) {
    if (!(await dropIfAllowed(run.session, before, step.invalidIndexes))) throw invalidIndex(step.migration, before)
  } else if (index && before && resumed) {
    if (isAsStated(before, index)) return
    throw otherIndex(step.migration, before.name)
  }
  try {
    await runScript(run.session, sql)
  } catch (error) {
    const { code } = (error as ScriptError).error as { code?: string }
    if (!resumed || !alreadyDone[statement.kind]?.includes(code ?? '')) throw error
  }
  const after = index ? await insist(run.signal, () => findIndex(run.session, index)) : undefined
  if (after && !after.valid) throw invalidIndex(step.migration, after)
}

/** What a statement answers that had run before the crash. */
const alreadyDone: Readonly<Record<string, readonly string[]>> = {
  DropStmt: ['42704', '42P01'],
  DropdbStmt: ['3D000'],
  CreatedbStmt: ['42P04'],
  CreateTableSpaceStmt: ['42710'],
  DropTableSpaceStmt: ['42704'],
  CreateSubscriptionStmt: ['42710'],
  AlterTableStmt: ['42P01'],
}

/** Whatever stopped the statement, an index that it left half made is what has to be told. */
async function refuseInvalid(run: StepRun, step: LooseStep, { index }: Statement, cause: unknown): Promise<void> {
  if (!index) return
  const left = await insist(run.signal, () => findIndex(run.session, index))
  if (left && !left.valid) throw invalidIndex(step.migration, left, cause)
}

function progressSql(run: StepRun, tables: HistoryTables, step: LooseStep, text: string, done: number): string {
  const row = rowOf(run.session, 'migration', step.migration.name)
  return `update ${tables.history} set statements_done = ${done},
    done_checksum = '${checksumOf(step.script, text, done)}' where ${row}`
}

async function finish(run: StepRun, tables: HistoryTables, step: LooseStep): Promise<void> {
  const row = rowOf(run.session, 'migration', step.migration.name)
  await run.session.query(`${toOwnRole(run.settings)}; update ${tables.history} set state = 'applied',
    duration_ms = extract(epoch from clock_timestamp() - applied_at) * 1000 where ${row}`)
}

/** Nothing of it has happened, so nothing is to be resumed. */
async function forget(run: StepRun, tables: HistoryTables, step: LooseStep): Promise<void> {
  await run.session.query(`delete from ${tables.history} where ${rowOf(run.session, 'migration', step.migration.name)}`)
}

/** Of the text of the first statements, whatever stands between them. */
function checksumOf({ statements }: SqlScript, text: string, count: number): string {
  const hash = createHash('sha256')
  for (const { start, end } of statements.slice(0, count)) hash.update(`${text.slice(start, end)};\n`)
  return `v1:sha256:${hash.digest('hex')}`
}

function stopped(step: LooseStep, text: string, done: number, error: unknown): Failure {
  const { name, file } = step.migration
  const { statements } = step.script
  const failing = statements[done]
  // A position is that in the message; the statement's own place is what an editor can go to.
  const place = failing ? { place: placeAt(file, text, failing.start) } : {}
  const facts = { ...describeSqlError(error), ...place }
  if (done === 0)
    return new Failure('FAILED', `migration ${name} failed at its first statement; nothing of it remains`, facts, error)
  const next = `Mend statement ${done + 1} and start again: it goes on there, as long as what is before it stays as it is.`
  const message = `migration ${name} stopped after ${done} of ${statements.length} statements, which remain (it runs outside a transaction)`
  return new Failure('PARTIAL', message, { ...facts, next }, error)
}

function stoppedWithin(step: LooseStep, text: string, i: number, error: unknown): Failure {
  const whole = stopped(step, text, i, error)
  const message = `migration ${step.migration.name} stopped inside its statement ${i + 1}, which commits as it goes: part of it remains`
  const next = 'Mend it so that it can run again from its beginning, and start again: it goes on with this statement.'
  return new Failure('PARTIAL', message, { ...whole.facts, next }, error)
}

function changedBehind(step: LooseStep, done: number): Failure {
  const { name, file } = step.migration
  return new Failure(
    'MISMATCH',
    `${name} stopped half way, and the ${done} statements that had run were changed since`,
    {
      next: `Restore the first ${done} statements of ${file}; change only what has not run yet.`,
    },
  )
}

function otherIndex({ name }: Migration, index: string): Failure {
  return new Failure('PARTIAL', `${name} stopped half way, and the index ${index} exists but is not as the file says`, {
    next: `Drop or rename that index, then start again.`,
  })
}

function lost({ migration }: LooseStep, error: unknown): Failure {
  const reason = (error as Error).message
  const next = 'Run it again: it goes on where it stopped.'
  return new Failure('LOST', `the connection was lost while ${migration.name} ran`, { reason, next }, error)
}
