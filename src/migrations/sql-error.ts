import type { FailureFacts, Place } from '../errors.ts'
import { codePoints, offsetOfCodePoint, placeAt } from '../postgres/position.ts'
import type { Statement } from './migration.ts'

interface SqlError {
  readonly code?: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly where?: string
  readonly position?: string
}

interface Source {
  readonly file: string
  readonly sql: string
  readonly statements: readonly Statement[]
}

/**
 * What Postgres said of a script, in the places of its file. `before` is what stood in front of it in the message,
 * `statement` (from 0) which of its statements failed: run-time errors have no position, so their statement is named.
 */
export function describeSqlError(source: Source, error: unknown, before: string, statement: number): FailureFacts {
  const { code, message, detail, hint, where, position } = error as SqlError
  const place = placeOfError(source, position, before, statement)
  const next = advice[code ?? '']
  return {
    ...(place === undefined ? {} : { place }),
    ...(code === undefined ? {} : { sqlstate: code }),
    reason: message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
    next: next ?? 'Mend the file and start again: what was applied before it stays and is not run again.',
  }
}

function placeOfError(
  source: Source,
  position: string | undefined,
  before: string,
  statement: number,
): Place | undefined {
  const { file, sql, statements } = source
  if (position !== undefined) {
    const point = Number(position) - 1 - codePoints(before)
    if (point >= 0) return placeAt(file, sql, offsetOfCodePoint(sql, point))
  }
  const failing = statements[statement]
  return failing === undefined ? undefined : placeAt(file, sql, failing.start)
}

const advice: Readonly<Record<string, string>> = {
  '25001': 'That statement cannot run inside a transaction; run it by hand, outside of the migrations.',
  '55P04': 'Put the use of the new enum value into the next migration: it must be committed first.',
  '57014': 'It was cancelled: by statement_timeout (UPFRONT_STATEMENT_TIMEOUT) or by an administrator. Run it again.',
  '53100': 'The disk of the server is full: make room, then run it again.',
  '53200': 'The server is out of memory; for "shared memory" raise max_locks_per_transaction or split the migration.',
  '42501': 'Grant the role what it lacks, or run the migrations as the owner of these objects.',
}
