import type { Target } from '../../config/database/target.ts'
import type { Blocker, Emit } from '../../events.ts'
import type { Patience } from '../../io.ts'
import type { Backend } from '../backend.ts'
import type { Session } from '../session.ts'

/** Something that may run for long. */
export interface Watched {
  /** What runs, for the log. */
  readonly name: () => string
  readonly begun: number
  /** Who blocked it at the last look. */
  blockers: readonly Blocker[]
  /** Whom we named, and when. */
  said: string
  saidAt: number
}

/** A session that is looked at, and how patiently. */
export interface ObserveOptions {
  readonly target: Target
  readonly session: Session
  readonly applicationName: string
  readonly patience: Patience
  /** How long a statement of our own may be silent when nobody can tell why; longer than it may wait for a lock. */
  readonly blindMs: number
  readonly emit: Emit
  readonly signal: AbortSignal
  /** Undefined as long as it is not known. */
  readonly backend: () => Backend | undefined
  /** What is running for long now; undefined while only a statement of our own is not answered. */
  readonly watched: () => Watched | undefined
  readonly isDue: () => boolean
  /** Warns once that nothing can be seen, and why. */
  readonly warnBlind: (why: string) => void
}
