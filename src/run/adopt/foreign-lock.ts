import { withLock } from '../../postgres/lock.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { adopterFor } from './foreign-history.ts'

/** Holds the lock of the tool whose folder it is as well, so that neither runs while the other does. */
export async function withForeignLock<Result>(
  { run, bundle, progress }: Job,
  session: Session,
  use: () => Promise<Result>,
): Promise<Result> {
  const { config, emit, signal } = run
  const theirs = await adopterFor(config, bundle)?.lock?.(session)
  if (!theirs) return use()
  const lock = { key: theirs.key, waitMs: config.lockWaitMs, wait: progress.foreignWait, emit, signal }
  // Nobody but us could be done with it, so there is always a result.
  return (await withLock(session, lock, async () => false, use)) as Result
}
