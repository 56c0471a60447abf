import type { Config } from '../config/config.ts'
import type { Defaults } from '../config/settings.ts'
import type { Emit } from '../events.ts'
import type { Io } from '../io.ts'
import type { LockWait } from '../postgres/lock.ts'
import type { RunConnection } from './connection.ts'
import type { Phase } from './deadline.ts'

/** One call of one command: its world, its settings, and where it says things. */
export interface Run {
  readonly io: Io
  readonly config: Config
  readonly flags: Flags
  readonly operands: readonly string[]
  readonly emit: Emit
  /** Writes to stdout. */
  readonly answer: (text: string) => void
  /** Takes the secrets out of a text that is to be kept. */
  readonly redact: (text: string) => string
  /** Aborted when the run has to stop; the reason is a Failure. */
  readonly signal: AbortSignal
  readonly phase: Phase
  readonly lockWait: LockWait
  readonly connection: RunConnection
  /** What UPFRONT_CREATE_DATABASE=true means for this command; nothing for those that neither make nor await a database. */
  readonly missingDatabase?: 'create' | 'await'
}

/** The flags of the command itself; a flag without a value is `true`. */
export type Flags = Readonly<Record<string, string | true>>

export interface Flag {
  /** What stands for its value in the help, undefined when it takes none. */
  readonly value?: string
  readonly summary: string
}

/** A command as the table, the parser and the help see it; `load` keeps what a no-op does not need unloaded. */
export interface Command {
  readonly summary: string
  readonly aliases?: readonly string[]
  readonly flags?: Readonly<Record<string, Flag>>
  /** What may stand after it, by what each stands for. */
  readonly operands?: readonly string[]
  /** False for those that answer without a database; `if named` for what looks at one when there is one. */
  readonly database: boolean | 'if named'
  /** Where the default of a setting is another than everybody's. */
  readonly defaults?: Defaults
  /** Resolves with the exit code; anything but 0 there is an answer, not a failure. */
  readonly load: () => Promise<(run: Run) => Promise<number>>
}
