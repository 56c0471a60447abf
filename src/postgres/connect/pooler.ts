import type { Target } from '../../config/database/target.ts'
import { Failure } from '../../errors.ts'
import { type Backend, readBackend } from '../backend.ts'
import { NoAnswer, answeredWithin } from '../observe/silence.ts'
import { openSession } from '../session.ts'
import type { Session } from '../session.ts'

/** A pooler may be in between, but the second connection that would tell cannot be had; time can mend that. */
export class Unproven extends Error {
  constructor(cause: unknown) {
    super(`a pooler stands in between, and refused a second connection: ${(cause as Error).message}`, { cause })
    this.name = 'Unproven'
  }
}

const proofs = 3
const openWithinMs = 5_000
const keptWaitingMs = 2_000

/**
 * The server process that really answers this session, found without touching anything there. When it is another one
 * than the connection said, a pooler is in between; throws UNSAFE when that gives our server process to others between
 * two transactions, because no lock can hold there, and Unproven when that cannot be told. Session pooling and plain
 * TCP proxies are fine.
 */
export async function requireOwnBackend(
  session: Session,
  target: Target,
  applicationName: string,
  signal: AbortSignal,
): Promise<Backend> {
  const backend = await readBackend(session)
  if (backend.pid === session.backendPid) return backend
  for (let i = 0; i < proofs; i += 1) {
    const found = await probe(session, target, applicationName, signal)
    if (found === 'shared') throw transactionPooler(target)
    if (found === 'own') break
  }
  return backend
}

async function backendPid(session: Session): Promise<number> {
  const [row] = await session.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid')
  return row!.pid
}

/**
 * Whether another connection, inside a transaction of its own, gets or displaces the server process of this one. When
 * it has to wait while this one is answered, though it asked first, our process is given to nobody else.
 */
async function probe(
  session: Session,
  target: Target,
  applicationName: string,
  signal: AbortSignal,
): Promise<'shared' | 'own' | 'undecided'> {
  const before = await backendPid(session)
  const open = (late: AbortSignal) => openSession(target, { ...session, applicationName }, late)
  const other = await answeredWithin(openWithinMs, signal, open).catch((error: unknown) => {
    throw signal.aborted ? error : new Unproven(error)
  })
  let theirs: number | undefined
  try {
    const held = holdBackend(other, target).then((pid) => (theirs = pid))
    await answeredWithin(keptWaitingMs, signal, () => held).catch((error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error
    })
    if (theirs === before) return 'shared'
    const after = await answeredWithin(openWithinMs, signal, () => backendPid(session)).catch((error: unknown) => {
      throw error instanceof NoAnswer ? new Unproven(error) : error
    })
    if (after !== before) return 'shared'
    return theirs === undefined ? 'own' : 'undecided'
  } finally {
    other.close()
  }
}

/** Begins a transaction, which keeps a server process, and returns the id of that. */
async function holdBackend(other: Session, target: Target): Promise<number> {
  try {
    await other.query('begin')
    return await backendPid(other)
  } catch (error) {
    throw isStatementPooling(error) ? transactionPooler(target, 'statement') : new Unproven(error)
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
