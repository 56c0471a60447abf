import { Failure } from '../errors.ts'
import type { ServerIdentity } from '../postgres/backend.ts'
import type { Guard } from '../postgres/observe/guard.ts'

/** What a run knows of its connection, and remembers of those before it. */
export interface RunConnection {
  /** The guard of the open session. */
  guard: Guard | undefined
  /** When the server of that session began; undefined until it is known. */
  server: string | undefined
  /** The cluster that the run has begun on; undefined until it is known, and where the role may not ask. */
  cluster: string | undefined
  /** For each session that somebody ended: when its server had begun. */
  readonly ended: string[]
}

export function newRunConnection(): RunConnection {
  return { guard: undefined, server: undefined, cluster: undefined, ended: [] }
}

/** Somebody has ended our session again, on a server that goes on: they mean it, so we do not come back. */
export class Unwanted extends Failure {}

const oftenEnough = 2

/** Notes that a session was lost; what ended it stands in the causes of the error. */
export function noteLoss(connection: RunConnection, error: unknown): void {
  if (connection.server !== undefined && terminationBehind(error)) connection.ended.push(connection.server)
  connection.server = undefined
}

/** Throws LOST when our sessions on this server, which was not restarted, have been ended twice. */
export function refuseIfUnwanted(connection: RunConnection, server: string, cause?: unknown): void {
  if (connection.ended.filter((one) => one === server).length < oftenEnough) return
  throw new Unwanted(
    'LOST',
    'somebody has ended our session twice, and the server was not restarted: that is meant',
    {
      sqlstate: adminShutdown,
      reason: 'terminating connection due to administrator command (pg_terminate_backend)',
      next: 'Ask who ended it and why; then run it again: the history says what was committed.',
    },
    cause,
  )
}

/**
 * Throws LOST when the address leads to another cluster than before: what the run had begun is not there, and going on
 * would leave one half here and call the whole done there. A standby that was promoted is of the same cluster.
 */
export function refuseOtherCluster(connection: RunConnection, { system }: ServerIdentity): void {
  connection.cluster ??= system ?? undefined
  if (system === null || system === connection.cluster) return
  throw new Failure('LOST', 'the address leads to another server than before; nothing was done there', {
    reason: `this run has begun on the cluster ${connection.cluster}, and the one that answers is ${system}`,
    next: 'Let the address stand for one server (UPFRONT_DATABASE_URL), then run it again: each history says what is there.',
  })
}

const adminShutdown = '57P01'

function terminationBehind(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ((at as { code?: string }).code === adminShutdown) return true
  return false
}
