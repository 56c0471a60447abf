import type { Emit } from '../../events.ts'
import type { Assertion, Isolation, Kind, Limits, Chunk, Statement } from '../../migration.ts'
import type { Watch } from '../../postgres/observe/guard.ts'
import type { SessionSettings } from '../../postgres/prepare.ts'
import type { Session } from '../../postgres/session.ts'

/** Something to run in a transaction together with what the history says of it. */
export interface Step {
  readonly kind: Kind
  /** Set when the step takes a migration back. */
  readonly action?: 'revert'
  readonly name: string
  /** For messages. */
  readonly file: string
  /** The statement that notes its beginning, first in the transaction. */
  readonly before: string
  /** The statement that notes its end; it divides by zero when that beginning is not of this very transaction. */
  readonly after: string
  readonly body: SqlBody | CodeBody
  /** What has to be true between the body and the end. */
  readonly assertion?: Assertion | undefined
  /** The rules of docs/checks.md whose findings are allowed. */
  readonly allow?: readonly string[] | undefined
}

/** SQL in chunks; `statements` may be empty for a file that is too large to keep them. */
export interface SqlBody {
  readonly isolation?: Isolation | undefined
  readonly limits?: Limits | undefined
  readonly chunks: () => Iterable<Chunk>
  readonly statements: readonly Statement[]
}

/** Work that is not one text: a module's function, rows that are streamed. */
export interface CodeBody {
  readonly run: (session: Session, signal: AbortSignal) => Promise<void>
}

/** What every step of a run works with. */
export interface StepContext {
  readonly session: Session
  readonly settings: SessionSettings
  readonly lockKey: bigint
  /** How long a step is tried again when others' locks stop it. */
  readonly lockRetryMs: number
  readonly emit: Emit
  readonly signal: AbortSignal
  /** Watches what runs long from a second connection. */
  readonly watch: (name: () => string) => Watch
}
