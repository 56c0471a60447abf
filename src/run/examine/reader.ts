import { Failure } from '../../errors.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { openStepContext } from '../step-context.ts'

/** A session that can only read, and what stands between it and the server. */
export interface Reader {
  readonly session: Session
  /** The session for questions with parameters; null where others get our server process between two transactions. */
  readonly own: Session | null
  /** `shared` when others get it, `unproven` when that cannot be told. */
  readonly pooler: 'none' | 'session' | 'shared' | 'unproven'
  /** What up would end with, because a lock does not hold there. */
  readonly failure?: Failure
}

/**
 * Makes a session as a migration would find it, except that nothing can be written. Behind a pooler each question says
 * so for itself, because an application that gets a read-only session next could not write.
 */
export async function openReader(run: Run, session: Session): Promise<Reader> {
  const { lockTimeoutMs, target } = run.config
  const { role, searchPath } = target!
  const reader = () => withLocalSettings(session, { lockTimeoutMs, role, searchPath, readOnly: true })
  try {
    await openStepContext(run, session)
  } catch (failure) {
    if (!(failure instanceof Failure) || (failure.code !== 'UNSAFE' && failure.code !== 'NOT_READY')) throw failure
    return { session: reader(), own: null, pooler: failure.code === 'UNSAFE' ? 'shared' : 'unproven', failure }
  }
  const [row] = await session.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid')
  if (row!.pid !== session.backendPid) return { session: reader(), own: session, pooler: 'session' }
  await session.query('set default_transaction_read_only = on')
  return { session, own: session, pooler: 'none' }
}
