import { Failure, type FailureCode } from '../errors.ts'
import type { Script } from './script.ts'
import { describeSqlError } from './sql-error.ts'

export function failed(script: Script, error: unknown, before: string, statement: number): Failure {
  const { code, title } = what(script)
  return new Failure(code, title, describeSqlError(script, error, before, statement), error)
}

export function truncation(script: Script, message: string): Failure {
  const { code, title } = what(script)
  const at = /identifier "(.+?)" will be truncated/s.exec(message)?.[1]
  const statement = script.statements.findIndex(({ start, end }) => at && script.sql.slice(start, end).includes(at))
  return new Failure(code, title, {
    ...describeSqlError(script, { code: '42622', message }, '', statement),
    next: 'Choose a name of at most 63 bytes: Postgres would cut it silently, and another name could be cut to the same.',
  })
}

export function lost(script: Script, error: unknown): Failure {
  return new Failure(
    'LOST',
    `the connection was lost while ${script.name} ran`,
    { reason: (error as Error).message, next: 'Run it again: the history says what was committed.' },
    error,
  )
}

export function lockGone(script: Script, error: unknown): Failure {
  return new Failure(
    'LOST',
    `our advisory lock was gone before ${script.name} ran; another runner has it`,
    { next: 'Run it again. A connection pooler in between? Connect to the server itself (UPFRONT_DATABASE_URL).' },
    error,
  )
}

export function endedTransaction(script: Script, error: unknown): Failure {
  return new Failure(
    'PARTIAL',
    `${script.name} ended our transaction: part of it is committed, and it is not recorded as applied`,
    { next: `Remove BEGIN, COMMIT and ROLLBACK from ${script.file}, and take back by hand what it has done.` },
    error,
  )
}

export function busy(script: Script, retriedMs: number, cause: unknown): Failure {
  const { code, message } = cause as { code?: string; message: string }
  return new Failure(
    'BUSY',
    `others' locks kept ${script.name} from running for ${retriedMs / 1000} s; nothing of it was applied`,
    {
      ...(code === undefined ? {} : { sqlstate: code }),
      reason: message,
      next: 'Run it again when the blocking transactions have ended, or raise UPFRONT_LOCK_RETRY.',
    },
    cause,
  )
}

function what(script: Script): { code: FailureCode; title: string } {
  return script.kind === 'seed'
    ? { code: 'SEED_FAILED', title: `seed ${script.name} failed and was rolled back; the schema is as it should be` }
    : { code: 'FAILED', title: `migration ${script.name} failed and was rolled back; nothing of it remains` }
}
