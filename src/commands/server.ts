import { describeTarget } from '../config/target.ts'
import type { Bundle } from '../migrations/migration.ts'
import { NotYet, waitForServer } from '../postgres/wait.ts'
import type { SessionSettings } from '../postgres/prepare.ts'
import type { Session } from '../postgres/session.ts'
import { version } from '../version.ts'
import type { Run } from './run.ts'

/** Opens a session of a ready server, asks it the first question, and closes the session after use. */
export async function withServer<First, Result>(
  run: Run,
  ask: (session: Session) => Promise<First>,
  use: (session: Session, first: First) => Promise<Result>,
): Promise<Result> {
  const { config } = run
  const { session, first, waitedMs } = await waitForServer(
    {
      target: config.target!,
      applicationName: applicationName(run),
      timeoutMs: config.waitTimeoutMs,
      graceMs: config.authGraceMs,
      createDatabase: config.createDatabase,
      emit: run.emit,
      signal: run.signal,
    },
    ask,
  )
  try {
    run.emit({ type: 'ready', serverVersion: session.serverVersionText, elapsedMs: waitedMs })
    return await use(session, first)
  } finally {
    session.close()
  }
}

/** Says what is about to happen, and to which database. */
export function announce(run: Run, command: string, bundle: Bundle): void {
  const target = run.config.target!
  run.emit({
    type: 'start',
    command,
    version,
    bundle: bundle.dir,
    migrations: bundle.count,
    target: describeTarget(target),
    source: target.source,
  })
}

/** Throws NotYet while this server cannot take writes but may soon: a standby, or one that is read only. */
export async function requirePrimary(session: Session): Promise<void> {
  const [row] = await session.query<{ standby: boolean }>('select pg_catalog.pg_is_in_recovery() as standby')
  if (row!.standby) throw new NotYet('the server is a standby: it is read only until it is promoted')
}

/** Who we are, where others see their blockers: at most 63 bytes, as Postgres keeps of it. */
export function applicationName(run: Run): string {
  return Buffer.from(`upfront/${version} ${run.io.hostname}`).subarray(0, 63).toString()
}

export function sessionSettings(run: Run): SessionSettings {
  const { config } = run
  return {
    applicationName: applicationName(run),
    lockTimeoutMs: config.lockTimeoutMs,
    statementTimeoutMs: config.statementTimeoutMs,
    searchPath: config.target!.searchPath,
  }
}
