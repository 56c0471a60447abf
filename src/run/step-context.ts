import { describeTarget } from '../config/database/target.ts'
import { Failure } from '../errors.ts'
import { type Backend, readBackend } from '../postgres/backend.ts'
import { Unproven, requireOwnBackend } from '../postgres/connect/pooler.ts'
import { lockKey } from '../postgres/lock-key.ts'
import type { Watch } from '../postgres/observe/guard.ts'
import { pause } from '../postgres/pause.ts'
import { type SessionSettings, prepareSession } from '../postgres/prepare.ts'
import type { Session } from '../postgres/session.ts'
import type { StepContext } from './apply/step.ts'
import { refuseIfUnwanted, refuseOtherCluster } from './connection.ts'
import type { Run } from './run.ts'
import { applicationName } from './server.ts'

/**
 * Prepares a session for changes. First makes sure that no pooler shares its server process, because what we set before
 * that is known would stay there for the application.
 */
export async function openStepContext(run: Run, session: Session): Promise<StepContext> {
  const { config, emit, signal, connection } = run
  const settings = sessionSettings(run)
  const guard = connection.guard!
  const backend = await findBackend(run, session)
  guard.know(backend)
  connection.server = backend.server.started
  refuseOtherCluster(connection, backend.server)
  refuseIfUnwanted(connection, connection.server)
  await prepareSession(session, settings)
  return {
    session,
    settings,
    lockKey: lockKey(config.schema),
    lockRetryMs: config.lockRetryMs,
    emit,
    signal,
    watch: (name) => (config.logDetail === 'on' ? guard.watch(name) : withoutQueries(guard.watch(name))),
  }
}

/** Makes sure that what answers after a lost connection is the server that the run has begun on; else throws LOST. */
export async function requireSameCluster({ connection }: Run, session: Session): Promise<void> {
  refuseOtherCluster(connection, (await readBackend(session)).server)
}

/** The blockers without their queries, which may contain rows. */
function withoutQueries(watch: Watch): Watch {
  return { ...watch, blockers: () => watch.blockers().map((blocker) => ({ ...blocker, query: '' })) }
}

const againAfterMs = 1_000

/** Waits for the second connection that a pooler may not have just now, as long as for a server; throws NOT_READY. */
async function findBackend(run: Run, session: Session): Promise<Backend> {
  const { config, emit, signal } = run
  const target = config.target!
  const begun = performance.now()
  for (let tries = 1; ; tries += 1) {
    try {
      return await requireOwnBackend(session, target, applicationName(run), signal)
    } catch (error) {
      if (!(error instanceof Unproven)) throw error
      const elapsedMs = performance.now() - begun
      if (config.waitTimeoutMs !== 0 && elapsedMs >= config.waitTimeoutMs) throw unproven(run, error)
      if (tries === 1) emit({ type: 'waiting', reason: error.message, target: describeTarget(target), elapsedMs })
      await pause(againAfterMs * (0.5 + Math.random()), signal)
    }
  }
}

function unproven({ config }: Run, error: Unproven): Failure {
  return new Failure(
    'NOT_READY',
    `whether a lock holds through the pooler could not be found out within ${config.waitTimeoutMs / 1000} s`,
    {
      reason: error.message,
      next:
        'Connect to the server itself (UPFRONT_DATABASE_URL), let the pooler have two connections for us, or raise ' +
        'UPFRONT_WAIT_TIMEOUT.',
    },
    error,
  )
}

function sessionSettings(run: Run): SessionSettings {
  const { config } = run
  return {
    applicationName: applicationName(run),
    lockTimeoutMs: config.lockTimeoutMs,
    statementTimeoutMs: config.statementTimeoutMs,
    searchPath: config.target!.searchPath,
    role: config.target!.role,
  }
}
