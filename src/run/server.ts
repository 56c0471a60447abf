import { describeTarget } from '../config/database/target.ts'
import { Failure } from '../errors.ts'
import { historyTables } from '../history/tables.ts'
import type { Bundle } from '../migration.ts'
import { cancelOnAbort } from '../postgres/cancel.ts'
import { NotYet, ReadOnly, waitForServer } from '../postgres/connect/wait.ts'
import { WaitDisconnected } from '../postgres/lock.ts'
import { guardSession } from '../postgres/observe/guard.ts'
import { patience } from '../postgres/observe/silence.ts'
import { pause } from '../postgres/pause.ts'
import type { Session } from '../postgres/session.ts'
import { version } from '../version.ts'
import type { Run } from './run.ts'
import { explainSessionError } from './session-errors.ts'

/**
 * Opens a session of a ready server, asks it the first question, and closes the session after use; begins again when
 * the wait for the lock goes on without a connection. What is in flight is cancelled when the run has to stop, and what
 * is never answered is given up; errors of our own statements become Failures.
 */
export async function withServer<First, Result>(
  run: Run,
  ask: (session: Session) => Promise<First>,
  use: (session: Session, first: First) => Promise<Result>,
): Promise<Result> {
  run.phase.current = 'waiting for the server'
  for (;;) {
    try {
      return await withSession(run, ask, use)
    } catch (error) {
      if (!(error instanceof WaitDisconnected)) throw error
      await pause(error.afterMs, run.signal)
    }
  }
}

async function withSession<First, Result>(
  run: Run,
  ask: (session: Session) => Promise<First>,
  use: (session: Session, first: First) => Promise<Result>,
): Promise<Result> {
  const { config, signal } = run
  const { session, first, waitedMs } = await waitForServer(
    {
      target: config.target!,
      applicationName: applicationName(run),
      timeoutMs: config.waitTimeoutMs,
      graceMs: config.authGraceMs,
      // A command that only reads, repairs or reverts was given a wrong name when the database does not exist.
      missingDatabase: config.createDatabase ? run.missingDatabase : undefined,
      emit: run.emit,
      signal,
    },
    ask,
  )
  const stopCancelling = cancelOnAbort(session, signal)
  const guard = guardSession({
    target: config.target!,
    session,
    applicationName: applicationName(run),
    patience: run.io.patience ?? patience,
    lockTimeoutMs: config.lockTimeoutMs,
    emit: run.emit,
  })
  run.connection.guard = guard
  const isAgain = run.lockWait.begun !== undefined && waitedMs === 0
  try {
    if (!isAgain) run.emit({ type: 'ready', serverVersion: session.serverVersionText, elapsedMs: waitedMs })
    return await use(session, first)
  } catch (error) {
    // What remains of it matters more than that it was stopped.
    if (signal.aborted) throw saysMore(error, signal.reason as Failure) ? error : signal.reason
    if (error instanceof WaitDisconnected) throw error
    throw await explainSessionError(error, session, historyTables(session, config))
  } finally {
    guard.stop()
    stopCancelling()
    session.close()
  }
}

/** An index left invalid, a COMMIT whose answer nobody waited for: not what the signal's reason claims. */
function saysMore(error: unknown, reason: Failure): boolean {
  return error instanceof Failure && (error.code === 'PARTIAL' || error.code === reason.code)
}

/**
 * The first question of commands without one of their own, because a pooler may accept a connection and then let it
 * wait.
 */
export async function requireAnswer(session: Session): Promise<void> {
  await session.query('select')
}

/** Says what is about to happen, and to which database. */
export function announce(run: Run, command: string, bundle: Pick<Bundle, 'dir' | 'count'>): void {
  const { tenant, schema } = run.config
  const target = run.config.target!
  run.emit({
    type: 'start',
    command,
    version,
    bundle: bundle.dir,
    migrations: bundle.count,
    target: `${tenant ? `${schema} in ` : ''}${describeTarget(target)}`,
    source: target.source,
  })
}

const oldestServer = 140_000

/**
 * Throws NotYet while this server cannot take writes but may soon: a standby may be promoted, a server that is read only
 * be made writable. Throws UNSAFE for a server that is older than we know.
 */
export async function requirePrimary(session: Session): Promise<void> {
  if (session.serverVersion < oldestServer) throw tooOld(session)
  const [row] = await session.query<{ standby: boolean; readOnly: boolean }>(
    `select pg_catalog.pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as "readOnly"`,
  )
  if (row!.standby) throw new NotYet('the server is a standby: it is read only until it is promoted')
  if (row!.readOnly) throw new ReadOnly('the database is read only (default_transaction_read_only)')
}

function tooOld({ serverVersionText }: Session): Failure {
  return new Failure('UNSAFE', `the server says it is version ${serverVersionText || 'unknown'}; nothing was changed`, {
    next: 'Upfront works with PostgreSQL 14 to 18.',
  })
}

/** Our application_name, in which others see who blocks them: at most 63 bytes, because Postgres keeps no more. */
export function applicationName(run: Run): string {
  return Buffer.from(`upfront/${version} ${run.io.hostname}`).subarray(0, 63).toString()
}
