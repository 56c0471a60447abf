import type { Target } from '../config/target.ts'
import type { Blocker, Emit } from '../events.ts'
import { readBlockers } from './blockers.ts'
import { pause } from './pause.ts'
import { readProgress } from './progress.ts'
import { type Session, openSession } from './session.ts'

export interface ObserveOptions {
  readonly target: Target
  readonly session: Session
  /** The process on the server that runs our statement. */
  readonly pid: number
  readonly applicationName: string
  /** The look has to come before lock_timeout ends what is blocked; 0 when there is none. */
  readonly lockTimeoutMs: number
  /** What runs, for the log. */
  readonly name: () => string
  readonly emit: Emit
}

const firstLookMs = 3_000
const betweenLooksMs = 2_000
const sayEveryMs = 10_000
/** So long without an answer from the server, or without our process there, means the connection is gone. */
const silenceMs = 25_000

/**
 * Watches a long statement from a second connection, opened only when it takes longer than a few seconds: says how far
 * it is and who blocks it, and hangs up when the server is not to be reached any more or has lost our process, because
 * a silent network would never tell.
 */
export function observe(options: ObserveOptions): Watch {
  const ended = new AbortController()
  const seen: Seen = { blockers: [], said: '', saidAt: -Infinity }
  watchUntil(options, seen, ended.signal).catch(() => {})
  return { stop: () => ended.abort(new Error('over')), blockers: () => seen.blockers }
}

export interface Watch {
  readonly stop: () => void
  /** Who stood in the way at the last look. */
  readonly blockers: () => readonly Blocker[]
}

interface Seen {
  blockers: readonly Blocker[]
  /** Whom we named, and when. */
  said: string
  saidAt: number
}

async function watchUntil(options: ObserveOptions, seen: Seen, signal: AbortSignal): Promise<void> {
  const begun = performance.now()
  await pause(Math.min(firstLookMs, options.lockTimeoutMs / 2 || firstLookMs), signal)
  let answeredAt = performance.now()
  let observer: Session | undefined
  try {
    for (;;) {
      try {
        observer ??= await openObserver(options, signal)
        const alive = await bounded(look(options, observer, begun, seen), signal)
        if (!alive) return options.session.close('the server has ended our session')
        answeredAt = performance.now()
      } catch (error) {
        if (signal.aborted) throw error
        observer?.close()
        observer = undefined
        if (performance.now() - answeredAt > silenceMs)
          return options.session.close('the server does not answer any more')
      }
      await pause(betweenLooksMs, signal)
    }
  } finally {
    observer?.close()
  }
}

function openObserver(options: ObserveOptions, signal: AbortSignal): Promise<Session> {
  const { target, session, applicationName } = options
  const bound = AbortSignal.any([signal, AbortSignal.timeout(5_000)])
  return openSession(target, session.at, session.encryption, `${applicationName} (watching)`, bound)
}

/** One look; false when the server knows nothing of our process. */
async function look(
  { session, pid, name, emit }: ObserveOptions,
  observer: Session,
  begun: number,
  seen: Seen,
): Promise<boolean> {
  const rows = await observer.query('select from pg_catalog.pg_stat_activity where pid = $1', [pid])
  if (rows.length === 0) return false
  if (session.client.getTransactionStatus() === null) return true
  const blockers = await readBlockers(observer, pid)
  const now = performance.now()
  const elapsedMs = now - begun
  const said = blockers.map((blocker) => blocker.pid).join()
  const isNews = said !== seen.said || now - seen.saidAt >= sayEveryMs
  seen.blockers = blockers
  if (blockers.length === 0) {
    seen.said = ''
    if (elapsedMs >= firstLookMs)
      emit({ type: 'progress', name: name(), elapsedMs, ...(await readProgress(observer, pid)) })
    return true
  }
  if (isNews) Object.assign(seen, { said, saidAt: now })
  if (isNews) emit({ type: 'blocked', name: name(), blockers, elapsedMs })
  return true
}

/** Rejects when the answer takes longer than five seconds. */
async function bounded<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = new AbortController()
  const timer = pause(5_000, AbortSignal.any([signal, late.signal])).then(() => {
    throw new Error('no answer')
  })
  try {
    return await Promise.race([promise, timer])
  } finally {
    late.abort(new Error('over'))
    timer.catch(() => {})
  }
}
