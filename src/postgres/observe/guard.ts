import type { Target } from '../../config/database/target.ts'
import type { Blocker, Emit } from '../../events.ts'
import type { Patience } from '../../io.ts'
import type { Backend } from '../backend.ts'
import type { Session } from '../session.ts'
import type { Watched } from './observed.ts'

export interface GuardOptions {
  readonly target: Target
  readonly session: Session
  readonly applicationName: string
  readonly patience: Patience
  /** The look has to come before lock_timeout ends what is blocked; 0 when there is none. */
  readonly lockTimeoutMs: number
  readonly emit: Emit
}

/** Keeps a session from waiting for ever. */
export interface Guard {
  /** Tells which server process answers the session: from then on it can be looked at. */
  know(backend: Backend): void
  /** Watches something that may take its time, until that is stopped. */
  watch(name: () => string): Watch
  stop(): void
}

export interface Watch {
  readonly stop: () => void
  /** Who blocked it at the last look. */
  readonly blockers: () => readonly Blocker[]
}

const firstLookMs = 3_000
const checkEveryMs = 500

/**
 * Guards a session from its beginning to its end: what waits for an answer and is silent, or is watched and takes longer
 * than a few seconds, is looked at from a second connection, which is opened and loaded only then; see observe().
 */
export function guardSession(options: GuardOptions): Guard {
  const { session, patience, lockTimeoutMs } = options
  const ended = new AbortController()
  const afterMs = Math.min(firstLookMs, lockTimeoutMs / 2 || firstLookMs)
  let backend: Backend | undefined
  /** A part of what is watched may be watched on its own. */
  const watches: Watched[] = []
  const watched = () => watches.at(-1)
  let isLooking = false
  let isWarned = false
  const warnBlind = (why: string) => {
    if (isWarned) return
    isWarned = true
    const message = `cannot look at ${watched()?.name() ?? 'it'} from a second connection: ${why}; its blockers are not named, and only UPFRONT_DEADLINE bounds it`
    options.emit({ type: 'warning', message })
  }
  const isLong = () => performance.now() - (watched()?.begun ?? Infinity) >= afterMs
  const isDue = () => isLong() || session.silentMs() >= patience.silenceMs / 2
  const look = async () => {
    if (isLooking || !isDue()) return
    isLooking = true
    try {
      const { observe } = await import('./observe.ts')
      const blindMs = Math.max(patience.silenceMs, 1.5 * lockTimeoutMs)
      const { signal } = ended
      await observe({ ...options, blindMs, signal, backend: () => backend, watched, isDue, warnBlind })
    } finally {
      isLooking = false
    }
  }
  const lookQuietly = () => void look().catch(() => {})
  const timer = setInterval(lookQuietly, checkEveryMs).unref()
  return {
    know: (known) => (backend = known),
    watch: (name) => {
      const mine: Watched = { name, begun: performance.now(), blockers: [], said: '', saidAt: -Infinity }
      watches.push(mine)
      const first = setTimeout(lookQuietly, afterMs).unref()
      const stop = () => {
        clearTimeout(first)
        const at = watches.indexOf(mine)
        if (at !== -1) watches.splice(at, 1)
      }
      return { stop, blockers: () => mine.blockers }
    },
    stop: () => {
      clearInterval(timer)
      ended.abort(new Error('over'))
    },
  }
}
