/** How a run can end badly; the one table from name to exit code and to whether trying again can help. */
export const failures = {
  INTERNAL: { exit: 1, retry: false, meaning: 'a bug of ours' },
  USAGE: { exit: 2, retry: false, meaning: 'the command line or the configuration is wrong; nothing was contacted' },
  INVALID: { exit: 20, retry: false, meaning: 'the migration files are wrong' },
  MISMATCH: { exit: 21, retry: false, meaning: 'history and files disagree (changed, missing, out of order)' },
  FAILED: { exit: 22, retry: false, meaning: 'a migration failed and was rolled back; nothing of it remains' },
  PARTIAL: {
    exit: 23,
    retry: false,
    meaning: 'a non-transactional migration stopped half way, or an invalid index remains',
  },
  DENIED: { exit: 24, retry: false, meaning: 'password, certificate, privilege, or no such database' },
  UNSAFE: { exit: 25, retry: false, meaning: 'transaction pooler, permanently read-only, or not Postgres' },
  SEED_FAILED: { exit: 26, retry: false, meaning: 'the schema is right, a seed is not' },
  DRIFT: { exit: 27, retry: false, meaning: 'the live schema is not the one the bundle makes' },
  REFUSED: { exit: 28, retry: false, meaning: 'a guard said no' },
  NOT_READY: { exit: 30, retry: true, meaning: 'the database did not become ready in time' },
  LOCKED: { exit: 31, retry: true, meaning: 'another runner held the lock to the end' },
  LOST: { exit: 32, retry: true, meaning: 'connection lost, consistent, retries used up' },
  BUSY: { exit: 33, retry: true, meaning: 'lock_timeout or deadlock retries used up, nothing applied' },
  PENDING: { exit: 34, retry: true, meaning: 'the schema this bundle needs is not there (yet)' },
  SOME_FAILED: {
    exit: 35,
    retry: true,
    meaning: 'some tenants of a fleet failed; a rerun touches only what is not done',
  },
  INTERRUPTED_INT: { exit: 130, retry: true, meaning: 'SIGINT; the migration in flight was rolled back' },
  INTERRUPTED_TERM: { exit: 143, retry: true, meaning: 'SIGTERM; the migration in flight was rolled back' },
} as const satisfies Record<string, { exit: number; retry: boolean; meaning: string }>

export type FailureCode = keyof typeof failures

/** A place in a file, as an editor counts it: line and column from 1, the column in characters. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The text of that line, without its newline. */
  readonly text: string
}

/** What an operator needs besides the sentence of what happened; all parts are plain text without secrets. */
export interface FailureFacts {
  readonly place?: Place
  /** The five characters of the SQL standard. */
  readonly sqlstate?: string
  /** Postgres' own words, or the operating system's. */
  readonly reason?: string
  readonly detail?: string
  readonly hint?: string
  readonly where?: string
  /** What to do next, as an instruction. */
  readonly next?: string
  /** Further findings of the same kind, each with its own place. */
  readonly problems?: readonly Problem[]
  /** What belongs to the sentence as a list: names, one a line. */
  readonly list?: readonly string[]
}

/** One mistake in one place. */
export interface Problem {
  readonly what: string
  readonly place?: Place
  readonly next?: string
  /** The rule of docs/checks.md that it is of. */
  readonly rule?: string
  /** The migration or the seed that it is of. */
  readonly name?: string
}

/** An expected end of a run: reported without a stack, with the exit code of its name. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly facts: FailureFacts

  constructor(code: FailureCode, message: string, facts: FailureFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Failure'
    this.code = code
    this.facts = facts
  }

  get exitCode(): number {
    return failures[this.code].exit
  }
}
