import { howToAllow } from '../../checks/how-to-allow.ts'
import { Failure, type FailureCode, type Place } from '../../errors.ts'
import type { Blocker } from '../../events.ts'
import { halfDoneCommands } from '../../history/repair/command.ts'
import type { Chunk, Statement } from '../../migration.ts'
import { codePoints, offsetOfCodePoint, placeAt } from '../../sql/position.ts'
import { placeInModule } from '../modules/place.ts'
import { describeSqlError } from './sql-error.ts'
import type { Step } from './step.ts'

/** Where in a script something failed: the chunk that was sent, and which of its statements (from 0). */
export interface FailurePoint {
  readonly chunk: Chunk
  readonly statement: number
  /** The statement as the compiler found it, in the whole text; undefined for a file that is too large. */
  readonly known: Statement | undefined
  /** What stood in front of the chunk in its message. */
  readonly before: string
}

export function failed(step: Step, error: unknown, at?: FailurePoint): Failure {
  const { code, title } = what(step)
  return new Failure(code, title, { ...describeSqlError(error), ...placeOf(step, error, at) }, error)
}

function placeOf({ file }: Step, error: unknown, at: FailurePoint | undefined): { place?: Place } {
  if (!at) {
    // The error of a CSV file has its place already.
    const { place } = error as { place?: Place }
    return place ? { place } : placeInModule(file, error)
  }
  const { chunk, known, before } = at
  const { position, code } = error as { position?: string; code?: string }
  const place = (offset: number) => {
    const found = placeAt(file, chunk.sql, offset)
    return { place: { ...found, line: found.line + chunk.line - 1 } }
  }
  // The database's encoding lacks a character, which Postgres names by its bytes alone.
  const lacking = code === '22P05' ? chunk.sql.indexOf(bytesIn((error as Error).message)) : -1
  if (lacking > 0) return place(lacking)
  const point = position === undefined ? -1 : Number(position) - 1 - codePoints(before)
  // Without a position the place is the statement's own offset, which is known for a file of one chunk.
  const offset = point >= 0 ? offsetOfCodePoint(chunk.sql, point) : known && chunk.line === 1 ? known.start : undefined
  if (offset === undefined)
    return known ? { place: { file, line: known.line, column: 1, text: '' } } : lineOf(file, chunk, at.statement)
  return place(offset)
}

/** `0xf0 0x9f 0x8e 0x89` as the character that it is. */
function bytesIn(message: string): string {
  return Buffer.from([...message.matchAll(/0x([0-9a-f]{2})/g)].map(([, byte]) => parseInt(byte!, 16))).toString()
}

function lineOf(file: string, chunk: Chunk, statement: number): { place?: Place } {
  const offset = chunk.offsetOf?.(statement)
  if (offset === undefined) return {}
  const place = placeAt(file, chunk.sql, offset)
  return { place: { ...place, line: place.line + chunk.line - 1 } }
}

export function truncation(step: Step, message: string): Failure {
  const { code, title } = what(step)
  const at = /identifier "(.+?)" will be truncated/s.exec(message)?.[1]
  return new Failure(code, title, {
    ...describeSqlError({ code: '42622', message }),
    ...placeOfName(step, at),
    next:
      'Choose a name of at most 63 bytes: Postgres would cut it silently, and another name could be cut to the same. ' +
      howToAllow('long-name', step.name),
  })
}

function placeOfName({ file, body }: Step, name: string | undefined): { place?: Place } {
  if (name === undefined || !('chunks' in body)) return {}
  for (const chunk of body.chunks()) {
    const at = chunk.sql.indexOf(name)
    if (at === -1) continue
    const place = placeAt(file, chunk.sql, at)
    return { place: { ...place, line: place.line + chunk.line - 1 } }
  }
  return {}
}

export function lostConnection(name: string, error: unknown): Failure {
  return new Failure(
    'LOST',
    `the connection was lost while ${name} ran`,
    { reason: (error as Error).message, next: 'Run it again: the history says what was committed.' },
    error,
  )
}

/** The run was stopped before the server answered: only the history knows whether its work was committed. */
export function unknownEnd(name: string, stop: Failure, error: unknown): Failure {
  return new Failure(
    stop.code,
    `${stop.message.split(';')[0]!}; the server has not answered for ${name}, which may be applied, or not`,
    { reason: (error as Error).message, next: 'upfront status says which; starting again does what is left.' },
    error,
  )
}

export function lockGone(step: Pick<Step, 'name'>, error: unknown): Failure {
  return new Failure(
    'LOST',
    `our advisory lock was gone before ${step.name} ran; another runner has it`,
    { next: 'Run it again. A connection pooler in between? Connect to the server itself (UPFRONT_DATABASE_URL).' },
    error,
  )
}

export function endedTransaction(step: Step, error: unknown): Failure {
  return new Failure(
    'PARTIAL',
    `${step.name} ended our transaction: part of it is committed, and it is not recorded as applied`,
    {
      // A seed runs again anyway.
      ...(step.kind === 'seed' ? {} : { list: halfDoneCommands(step.name) }),
      next:
        `Remove BEGIN, COMMIT and ROLLBACK from ${step.file}, and look how far it came. ` +
        (step.kind === 'seed' ? 'Then start again.' : 'Complete it or take it back by hand, and run one of these.'),
    },
    error,
  )
}

export function busy(
  step: Pick<Step, 'name'>,
  retriedMs: number,
  cause: unknown,
  blockers: readonly Blocker[],
): Failure {
  const { code, message } = cause as { code?: string; message: string }
  return new Failure(
    'BUSY',
    `others' locks kept ${step.name} from running for ${retriedMs / 1000} s; nothing of it was applied`,
    {
      ...(code === undefined ? {} : { sqlstate: code }),
      reason: message,
      list: blockers.map(nameBlocker),
      next: 'Run it again when the blocking transactions have ended, or raise UPFRONT_LOCK_RETRY; for one file, begin it with "-- upfront:lock-retry 10m".',
    },
    cause,
  )
}

function what(step: Step): { code: FailureCode; title: string } {
  if (step.action === 'revert') {
    return { code: 'FAILED', title: `the down of ${step.name} failed and was rolled back; it is still applied` }
  }
  return step.kind === 'seed'
    ? { code: 'SEED_FAILED', title: `seed ${step.name} failed and was rolled back; the schema is as it should be` }
    : { code: 'FAILED', title: `migration ${step.name} failed and was rolled back; nothing of it remains` }
}

/** Who blocks us, and the statement that ends it. */
export function nameBlocker({ pid, application, user, state, query }: Blocker): string {
  const who = `blocked by pid ${pid} (${application || 'no application name'}, ${user}, ${state})`
  return `${who}${query === '' ? '' : `: ${query}`}; to end it: select pg_terminate_backend(${pid});`
}
