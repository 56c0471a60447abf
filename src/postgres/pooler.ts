import type { Target } from '../config/target.ts'
import { Failure } from '../errors.ts'
import { openSession } from './session.ts'
import type { Session } from './session.ts'

const proofs = 3

/**
 * The server process that really answers this session. When it is not the one the connection said it is, something
 * stands in between; throws UNSAFE when that hands our session's server to others between two transactions, because no
 * lock can hold there. Session pooling and plain TCP proxies are fine.
 */
export async function requireOwnBackend(session: Session, target: Target, applicationName: string): Promise<number> {
  const pid = await backendPid(session)
  if (pid === session.backendPid) return pid
  for (let i = 0; i < proofs; i += 1)
    if (await isShared(session, target, applicationName)) throw transactionPooler(target)
  return pid
}

async function backendPid(session: Session): Promise<number> {
  const [row] = await session.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid')
  return row!.pid
}

/** Whether another connection, inside a transaction of its own, has or displaces the server process of this one. */
async function isShared(session: Session, target: Target, applicationName: string): Promise<boolean> {
  const before = await backendPid(session)
  const signal = AbortSignal.timeout(5_000)
  const other = await openSession(target, session.at, session.encryption, applicationName, signal)
  try {
    await other.query('begin').catch((error: unknown) => {
      throw isStatementPooling(error) ? transactionPooler(target, 'statement') : error
    })
    const theirs = await backendPid(other)
    return theirs === before || (await backendPid(session)) !== before
  } finally {
    other.close()
  }
}

function isStatementPooling(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string }
  return code === '08P01' && message.includes('statement pooling')
}

/** UNSAFE, with the way out. */
export function transactionPooler(target: Target, mode: 'transaction' | 'statement' = 'transaction'): Failure {
  return new Failure(
    'UNSAFE',
    `a connection pooler in ${mode} mode stands between us and Postgres; nothing was changed`,
    {
      reason: `it hands our server process to other clients between two ${mode}s, so an advisory lock cannot hold`,
      next:
        `Connect to the server itself, or to the pooler in session mode: set UPFRONT_DATABASE_URL (now from ${target.source}) ` +
        'for the migrations, and leave DATABASE_URL to the application.',
    },
  )
}
