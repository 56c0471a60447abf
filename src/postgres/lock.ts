import { Failure } from '../errors.ts'
import type { Emit } from '../events.ts'
import { type ReleaseListener, listenForRelease, notifyReleased } from './lock-release.ts'
import type { Session } from './session.ts'

export interface LockOptions {
  readonly key: bigint
  /** How long to wait for another runner; 0 is without limit. */
  readonly waitMs: number
  readonly wait: LockWait
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** A wait for the lock, which goes on from one session to the next. */
export interface LockWait {
  /** When it began, by the monotonic clock; undefined while nobody waits. */
  begun: number | undefined
  /** When the holder was last named, in milliseconds since then. */
  namedAt: number
}

/** Thrown when a wait has become long: it goes on after so many milliseconds, on another session. */
export class WaitDisconnected extends Error {
  readonly afterMs: number

  constructor(afterMs: number) {
    super('the wait for the lock goes on without a session')
    this.afterMs = afterMs
  }
}

const firstPauseMs = 50
const longestPauseMs = 2_000
const shortestAwayMs = 4_000
const longestAwayMs = 15_000
const nameHolderEveryMs = 30_000

export function noWait(): LockWait {
  return { begun: undefined, namedAt: -Infinity }
}

/**
 * Holds the lock while `use` runs, on this very session, so that losing the one loses the other. Before each poll it
 * asks `isDone`; when that says yes it returns undefined without the lock. Throws LOCKED when the wait is over, and
 * WaitDisconnected when it is not but has taken seconds: a hundred waiting pods must not take all connections of a
 * server.
 */
export async function withLock<Result>(
  session: Session,
  options: LockOptions,
  isDone: () => Promise<boolean>,
  use: () => Promise<Result>,
): Promise<Result | undefined> {
  if (!(await takeLock(session, options, isDone))) return undefined
  try {
    const result = await use()
    await releaseLock(session, options)
    return result
  } catch (error) {
    // The cause must not be hidden by a session that is gone.
    await releaseLock(session, options).catch(() => {})
    throw error
  }
}

/** Takes the lock if it is free this moment, without waiting. */
export async function tryLock(session: Session, key: bigint): Promise<boolean> {
  const [row] = await session.query<{ locked: boolean }>(`select pg_catalog.pg_try_advisory_lock(${key}) as locked`)
  return row!.locked
}

/** Releases the lock; warns when it was no longer ours, because something has ended it. */
export async function releaseLock(session: Session, options: Pick<LockOptions, 'key' | 'emit'>): Promise<void> {
  const [row] = await session.query<{ released: boolean }>(
    `select pg_catalog.pg_advisory_unlock(${options.key}) as released`,
  )
  if (!row!.released) {
    options.emit({ type: 'warning', message: 'the advisory lock was gone before we released it' })
  }
  await notifyReleased(session, options.key)
}

async function takeLock(session: Session, options: LockOptions, isDone: () => Promise<boolean>): Promise<boolean> {
  const { wait, waitMs, emit, signal } = options
  // On a later session the caller has just asked whether it is done, and one look at the lock is enough.
  const isResumed = wait.begun !== undefined
  const begun = (wait.begun ??= performance.now())
  let pauseMs = isResumed ? longestPauseMs : firstPauseMs
  let released: ReleaseListener | undefined
  // Polls: a session blocked inside pg_advisory_lock() deadlocks CREATE INDEX CONCURRENTLY.
  for (let tries = 0; ; tries += 1) {
    if (tries > 0 && (await isDone())) return false
    if (await tryLock(session, options.key)) {
      Object.assign(wait, noWait())
      await released?.stop()
      return true
    }
    const elapsedMs = performance.now() - begun
    const over = waitMs !== 0 && elapsedMs >= waitMs
    if (over || elapsedMs - wait.namedAt >= nameHolderEveryMs) {
      const holder = await findHolder(session, options.key)
      if (over) throw locked(waitMs, holder)
      // A short wait is not worth a line in the log; the holder is named when it gets long.
      if (tries > 3 || isResumed) {
        emit({ type: 'lock_waiting', holder, elapsedMs })
        wait.namedAt = elapsedMs
      }
    }
    const left = waitMs === 0 ? Infinity : waitMs - elapsedMs
    // A tenth of the wait so far, so that many pods which wait for hours do not connect every few seconds.
    const awayMs = Math.min(Math.max(elapsedMs / 10, shortestAwayMs), longestAwayMs)
    if (pauseMs >= longestPauseMs) throw new WaitDisconnected(Math.min(awayMs * (0.5 + Math.random() / 2), left))
    released ??= await listenForRelease(session, options.key)
    await released.orAfter(Math.min(pauseMs * (0.5 + Math.random()), left), signal)
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)
  }
}

/** Who has the lock, for people; the application name is what an ordinary role may see of another's session. */
export async function findHolder(session: Session, key: bigint): Promise<string> {
  const [row] = await session.query<{ pid: number; name: string; since: string | null }>(`
    select l.pid, a.application_name as name, to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as since
    from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
      and ((l.classid::bigint << 32) | l.objid::bigint) = ${key} limit 1`)
  if (!row) return 'a session that has just let go of it'
  return `${row.name || 'an unnamed session'} (pid ${row.pid}${row.since ? `, connected since ${row.since} UTC` : ''})`
}

/** LOCKED, for who has waited in vain. */
export function locked(waitMs: number, holder: string): Failure {
  return new Failure('LOCKED', `another runner held the lock for all of ${waitMs / 1000} s`, {
    reason: `held by ${holder}`,
    next: 'Let it finish, or raise UPFRONT_LOCK_WAIT; if that session is dead, end it with pg_terminate_backend(pid).',
  })
}
