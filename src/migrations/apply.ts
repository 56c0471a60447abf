import type { Emit } from '../events.ts'
import { isConnectionLost, isContention } from '../postgres/classify.ts'
import { pause } from '../postgres/pause.ts'
import { type SessionSettings, resetSession } from '../postgres/prepare.ts'
import { ScriptError, runScript } from '../postgres/script.ts'
import type { Session } from '../postgres/session.ts'
import type { Script } from './script.ts'
import { busy, endedTransaction, failed, lockGone, lost, truncation } from './script-failures.ts'

export interface ScriptRun {
  readonly session: Session
  readonly settings: SessionSettings
  readonly lockKey: bigint
  /** How long a script is tried again when others' locks stop it. */
  readonly lockRetryMs: number
  readonly emit: Emit
  readonly signal: AbortSignal
}

const firstRetryMs = 1_000
const longestRetryMs = 15_000

/**
 * Runs a script and its history row in one transaction, again as a whole when lock_timeout or a deadlock stopped it;
 * resolves with the milliseconds it took when COMMIT has answered COMMIT. Throws FAILED or SEED_FAILED, PARTIAL, BUSY,
 * LOST (outcome to be read from the history), or the signal's reason.
 */
export async function applyScript(run: ScriptRun, script: Script): Promise<number> {
  const begun = performance.now()
  let retryMs = firstRetryMs
  for (;;) {
    const tryBegun = performance.now()
    try {
      await applyOnce(run, script)
      return performance.now() - tryBegun
    } catch (error) {
      const cause = error instanceof ScriptError ? error.error : error
      if (run.signal.aborted) throw run.signal.reason
      if (!isContention(cause)) throw error
      const left = run.lockRetryMs - (performance.now() - begun)
      if (left <= 0) throw busy(script, run.lockRetryMs, cause)
      const delayMs = Math.min(retryMs * (0.5 + Math.random() / 2), left)
      run.emit({ type: 'retrying', name: script.name, reason: (cause as Error).message, delayMs })
      await pause(delayMs, run.signal)
      retryMs = Math.min(retryMs * 2, longestRetryMs)
    }
  }
}

/** How many statements stand before the script's own in its message. */
const statementsBefore = 3

async function applyOnce(run: ScriptRun, script: Script): Promise<void> {
  const { session, signal } = run
  signal.throwIfAborted()
  const notices = collectNotices(run, script)
  const stopCancelling = cancelOnAbort(session, signal)
  try {
    // A lock that is not ours any more divides by zero: somebody else may be at work.
    const before = `begin;\nselect 1 / pg_catalog.pg_try_advisory_xact_lock(${run.lockKey})::int;\n${script.insertRunning};\n`
    // The script may have changed its role, and the rest is ours to do.
    const after = `\n;reset session authorization; reset role;\n${script.markApplied}`
    await sendScript(run, script, before, after)
    const truncated = notices.truncated()
    if (truncated !== undefined) throw truncation(script, truncated)
    signal.throwIfAborted()
    await commit(session, script)
  } catch (error) {
    await rollback(session)
    throw error
  } finally {
    stopCancelling()
    notices.stop()
  }
  await resetSession(session, run.settings)
}

async function sendScript(run: ScriptRun, script: Script, before: string, after: string): Promise<void> {
  try {
    await runScript(run.session, `${before}${script.sql}${after}`)
  } catch (error) {
    if (!(error instanceof ScriptError) || isContention(error.error) || run.signal.aborted) throw error
    if (isConnectionLost(error.error)) throw lost(script, error.error)
    const own = error.statement - statementsBefore
    if (own === -2) throw lockGone(script, error.error)
    if (own < 0 && (error.error as { position?: string }).position === undefined) throw error.error
    const { code } = error.error as { code?: string }
    if (own >= script.statements.length && code === '22012') throw endedTransaction(script, error.error)
    throw failed(script, error.error, before, own)
  }
}

/** Success is what COMMIT answers: in a broken transaction it answers ROLLBACK, without an error. */
async function commit(session: Session, script: Script): Promise<void> {
  let tags: readonly string[]
  try {
    tags = (await runScript(session, 'commit')).tags
  } catch (error) {
    const cause = (error as ScriptError).error
    if (isConnectionLost(cause)) throw lost(script, cause)
    if (isContention(cause)) throw error
    throw failed(script, cause, '', script.statements.length)
  }
  if (tags[0] !== 'COMMIT') throw failed(script, new Error(`COMMIT answered ${tags[0] ?? 'nothing'}`), '', -1)
}

/** Leaves no transaction open; a session that is gone has none. */
async function rollback(session: Session): Promise<void> {
  await session.query('rollback').catch(() => {})
}

const hangUpAfterMs = 6_000

/** Cancels the statement in flight when the signal is aborted, and hangs up when even that is not answered. */
function cancelOnAbort(session: Session, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined
  const onAbort = () => {
    timer = setTimeout(() => session.close(), hangUpAfterMs)
    session.cancel().catch(() => {})
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return () => {
    signal.removeEventListener('abort', onAbort)
    clearTimeout(timer)
  }
}

interface Notice {
  readonly code?: string
  readonly severity?: string
  readonly message?: string
}

const noticesShown = 20

function collectNotices(run: ScriptRun, script: Script) {
  let count = 0
  let truncated: string | undefined
  const onNotice = (notice: Notice) => {
    if (notice.code === '42622') truncated ??= notice.message
    count += 1
    if (count > noticesShown) return
    const { severity = 'NOTICE', message = '' } = notice
    run.emit({ type: 'notice', name: script.name, severity, message })
  }
  run.session.client.on('notice', onNotice as never)
  return {
    /** What Postgres said when it cut an identifier to 63 bytes. */
    truncated: () => truncated,
    stop: () => {
      run.session.client.off('notice', onNotice as never)
      if (count <= noticesShown) return
      const message = `${count - noticesShown} more notices of the server are not shown`
      run.emit({ type: 'notice', name: script.name, severity: 'NOTICE', message })
    },
  }
}
