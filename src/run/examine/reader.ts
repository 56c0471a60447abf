import { Failure } from '../../errors.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { openStepContext } from '../step-context.ts'

/** A session that can only read, and what stands between it and the server. */
export interface Reader {
  readonly session: Session
  /** `shared` when others get our server process between two transactions; `unproven` when that cannot be told. */
  readonly pooler: 'none' | 'session' | 'shared' | 'unproven'
  /** What up would end with, because a lock does not hold there. */
  readonly failure?: Failure
}

/**
 * Makes a session as a migration would find it, except that nothing can be written. Where a pooler shares it, nothing
 * stays set on it: each question has its settings with it, and no parameters.
 */
export async function openReader(run: Run, session: Session): Promise<Reader> {
  const { config } = run
  try {
    await openStepContext(run, session)
  } catch (failure) {
    if (!(failure instanceof Failure) || (failure.code !== 'UNSAFE' && failure.code !== 'NOT_READY')) throw failure
    const { role, searchPath } = config.target!
    const settings = { lockTimeoutMs: config.lockTimeoutMs, role, searchPath, readOnly: true } as const
    const pooler = failure.code === 'UNSAFE' ? 'shared' : 'unproven'
    return { session: withLocalSettings(session, settings), pooler, failure }
  }
  await session.query('set default_transaction_read_only = on')
  const [row] = await session.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid')
  return { session, pooler: row!.pid === session.backendPid ? 'none' : 'session' }
}
