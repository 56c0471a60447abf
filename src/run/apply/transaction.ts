import { allowsLongNames } from '../../checks/how-to-allow.ts'
import { Failure } from '../../errors.ts'
import type { Limits, Chunk } from '../../migration.ts'
import { isConnectionLost, isContention } from '../../postgres/classify.ts'
import { isDemoted } from '../../postgres/demoted.ts'
import { type Message, PipelineError, runPipeline } from '../../postgres/pipeline.ts'
import { nameSession, resetSession, toOwnRole } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { ModuleError } from '../modules/module.ts'
import { assertInTransaction, brokenAssertion } from './assertion.ts'
import { StillBusy, whileBusy } from './contention.ts'
import { busy, endedTransaction, failed, lockGone, lostConnection, truncation, unknownEnd } from './failures.ts'
import { withLimits } from './limits.ts'
import { collectNotices } from './notices.ts'
import type { CodeBody, SqlBody, Step, StepContext } from './step.ts'

/**
 * Runs a step and its history row in one transaction, and all of it again when lock_timeout or a deadlock stopped it.
 * Resolves with the milliseconds it took as soon as COMMIT has answered COMMIT; the caller reports that before it
 * resets the session. Throws FAILED or SEED_FAILED, PARTIAL, BUSY, LOST (the history has the outcome), or the signal's
 * reason.
 */
export async function runInTransaction(given: StepContext, step: Step): Promise<number> {
  const run = withLimits(given, limitsOf(step))
  // A ROLLBACK keeps prepared statements, which would be in the way of the next try.
  const again = { causeOf, between: async () => void (await resetSession(run.session, given.settings)) }
  try {
    return await whileBusy(run, step.name, () => runOnce(run, step), again)
  } catch (error) {
    if (run.signal.aborted) throw isAboutTheStop(error, run.signal) ? error : run.signal.reason
    if (error instanceof StillBusy) throw busy(step, run.lockRetryMs, error.cause, error.watch.blockers())
    const cause = causeOf(error)
    throw (await isDemoted(run.session, cause)) ? lostConnection(step.name, cause) : error
  }
}

/** Whether an error says more of how the run was stopped than the signal does. */
function isAboutTheStop(error: unknown, signal: AbortSignal): boolean {
  return error instanceof Failure && error.code === (signal.reason as Failure).code
}

/** The error of Postgres or the socket behind ours. */
function causeOf(error: unknown): unknown {
  if (error instanceof ScriptError) return error.error
  return error instanceof Failure && error.code !== 'LOST' ? (error.cause ?? error) : error
}

async function runOnce(run: StepContext, step: Step): Promise<number> {
  const { session, signal } = run
  const begun = performance.now()
  signal.throwIfAborted()
  const notices = collectNotices(run, step.name, { mayCut: allowsLongNames(step) })
  try {
    await ('chunks' in step.body ? sendSql(run, step, step.body) : runCode(run, step, step.body))
    if (!('chunks' in step.body) || step.assertion) await runEnd(run, step)
    const truncated = notices.truncated()
    if (truncated !== undefined) throw truncation(step, truncated)
    signal.throwIfAborted()
    await commit(run, step)
    return performance.now() - begun
  } catch (error) {
    await rollBack(session)
    throw error
  } finally {
    notices.stop()
  }
}

/**
 * What the message begins with. It divides by zero when the lock is no longer ours, because somebody else may be at
 * work, and it puts what we run into the session's name, for others to see.
 */
function beginning(run: StepContext, step: Step): string {
  const { isolation } = 'chunks' in step.body ? step.body : {}
  const begin = isolation === undefined ? 'begin' : `begin isolation level ${isolation}`
  const lock = `select 1 / pg_catalog.pg_try_advisory_xact_lock(${run.lockKey})::int`
  const name = run.session.client.escapeLiteral(nameSession(run.settings.applicationName, step.name))
  const set = limitsOf(step) ? boundSql(run, name) : `set local application_name = ${name}`
  return `${begin};\n${lock};\n${set};\n${step.before};\n`
}

function limitsOf({ body }: Step): Limits | undefined {
  return 'chunks' in body ? body.limits : undefined
}

/** All settings that hold until the transaction ends, in one statement. */
function boundSql({ settings: { lockTimeoutMs, statementTimeoutMs } }: StepContext, name: string): string {
  const values = {
    application_name: name,
    lock_timeout: `'${lockTimeoutMs}ms'`,
    statement_timeout: `'${statementTimeoutMs}ms'`,
  }
  const calls = Object.entries(values).map(([key, value]) => `pg_catalog.set_config('${key}', ${value}, true)`)
  return `select ${calls.join(', ')}`
}

/** How many statements beginning() has. */
const statementsBefore = 4

/** The step may have changed the role, and the rest is done in our own. */
function ending(run: StepContext, step: Step): string {
  return `${toOwnRole(run.settings)};\n${step.after}`
}

async function sendSql(run: StepContext, step: Step, body: SqlBody): Promise<void> {
  const before = beginning(run, step)
  const sent: Chunk[] = []
  const messages = wrap(body.chunks(), before, step.assertion ? '' : `\n;${ending(run, step)}`, sent)
  try {
    await runPipeline(run.session, messages)
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error
    if (error.error instanceof Failure || isContention(error.error) || run.signal.aborted) throw error.error
    if (isConnectionLost(error.error)) throw lostConnection(step.name, error.error)
    const chunk = sent[error.chunk]
    const own = error.statement - (error.chunk === 0 ? statementsBefore : 0)
    const hasPosition = (error.error as { position?: string }).position !== undefined
    // When not even the first statement ran, the server could not decode the message: the database lacks a character.
    if (own < 0 && error.statement > 0 && !hasPosition) throw beginFailed(step, error)
    if (!chunk || own >= chunk.statements) throw endFailed(step, error)
    const earlier = sent.slice(0, error.chunk).reduce((sum, { statements }) => sum + statements, 0)
    throw failed(step, error.error, {
      chunk,
      statement: own,
      known: body.statements[earlier + own],
      before: error.chunk === 0 ? before : '',
    })
  }
}

/** The messages of a step: its chunks, with its beginning before the first and its ending after the last. */
function* wrap(chunks: Iterable<Chunk>, before: string, after: string, sent: Chunk[]): Generator<Message> {
  let held: Chunk | undefined
  const message = (chunk: Chunk, end: string): Message => {
    // Only the places of what is in flight are ever asked for.
    const over = sent[sent.length - 8]
    if (over) sent[sent.length - 8] = { sql: '', line: over.line, statements: over.statements }
    const start = sent.push(chunk) === 1 ? before : ''
    return { sql: `${start}${chunk.sql}${end}`, ...(chunk.data ? { data: chunk.data } : {}) }
  }
  for (const chunk of chunks) {
    if (held) yield message(held, '')
    // A COPY is never the last message, because its data have to be read before the file goes on.
    held = chunk.data ? undefined : chunk
    if (chunk.data) yield message(chunk, '')
  }
  yield message(held ?? { sql: '', line: 1, statements: 0 }, after)
}

async function runCode(run: StepContext, step: Step, body: CodeBody): Promise<void> {
  const { session, signal } = run
  try {
    await runScript(session, beginning(run, step))
  } catch (error) {
    throw beginFailed(step, error as ScriptError)
  }
  try {
    await body.run(session, signal)
  } catch (error) {
    if (signal.aborted || error instanceof Failure || isContention(error)) throw error
    if (!(error instanceof ModuleError) && isConnectionLost(error)) throw lostConnection(step.name, error)
    throw failed(step, error)
  }
}

/** What has to be true, and the ending. That the body has ended our transaction says more than that it is not true. */
async function runEnd(run: StepContext, step: Step): Promise<void> {
  const broken = await assertInTransaction(run, step)
  try {
    await runScript(run.session, ending(run, step))
  } catch (error) {
    throw endFailed(step, error as ScriptError)
  }
  if (broken) throw brokenAssertion(step, broken)
}

function beginFailed(step: Step, { statement, error }: ScriptError): unknown {
  if (isConnectionLost(error)) return lostConnection(step.name, error)
  return statement === 1 ? lockGone(step, error) : error
}

function endFailed(step: Step, { error }: ScriptError): unknown {
  if (isConnectionLost(error)) return lostConnection(step.name, error)
  return (error as { code?: string }).code === '22012' ? endedTransaction(step, error) : failed(step, error)
}

/** Success is what COMMIT answers: in a broken transaction it answers ROLLBACK, without an error. */
async function commit({ session, signal }: StepContext, step: Step): Promise<void> {
  let tags: readonly string[]
  try {
    tags = (await runScript(session, 'commit')).tags
  } catch (error) {
    const cause = (error as ScriptError).error
    if (isConnectionLost(cause))
      throw signal.aborted ? unknownEnd(step.name, signal.reason, cause) : lostConnection(step.name, cause)
    if (isContention(cause)) throw error
    throw failed(step, cause)
  }
  if (tags[0] !== 'COMMIT') throw failed(step, new Error(`COMMIT answered ${tags[0] ?? 'nothing'}`))
}
