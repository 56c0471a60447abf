import type { FailureFacts } from '../../errors.ts'

interface SqlError {
  readonly code?: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly where?: string
}

const mend = 'Mend the file and start again: what was applied before it stays and is not run again.'

/** What Postgres said, and what to do about it; `otherwise` is for what nothing more is known of. */
export function describeSqlError(error: unknown, otherwise = mend): FailureFacts {
  const { code, message, detail, hint, where } = error as SqlError
  return {
    ...(code === undefined ? {} : { sqlstate: code }),
    reason: message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
    next: (isTheirTable(code, message) ? theirTable : advice[code ?? '']) ?? otherwise,
  }
}

/** Tables that other tools keep of their migrations, and that we can make as they do. */
const theirTables =
  /"([^"]+\.)?(schema_migrations|__drizzle_migrations|flyway_schema_history|goose_db_version|_prisma_migrations|_sqlx_migrations)"/

function isTheirTable(code: string | undefined, message: string): boolean {
  return code === '42P01' && theirTables.test(message)
}

/** The tool has that table before its first migration; the file is not to be changed, because the tool compares it. */
const theirTable =
  "That table is the tool's own history, which upfront makes before the first migration when UPFRONT_WRITE_BACK=true " +
  'says so: set it, and begin with a new database, so that no row is missing. Leave the file as it is.'

const idleTooLong =
  'The server or a pooler ended the session for having been in its transaction too long: raise that limit for this role, or keep slow work outside of SQL out of the migration.'

const advice: Readonly<Record<string, string>> = {
  '25001': 'That statement cannot run inside a transaction: begin the file with "-- upfront:no-transaction".',
  '2D000': 'A COMMIT in a DO or CALL needs a file outside a transaction: begin it with "-- upfront:no-transaction".',
  '55P04': 'Put the use of the new enum value into the next migration: it must be committed first.',
  '57014': 'It was cancelled: by statement_timeout (UPFRONT_STATEMENT_TIMEOUT) or by an administrator. Run it again.',
  '53100': 'The disk of the server is full: make room, then run it again.',
  '53200': 'The server is out of memory; for "shared memory" raise max_locks_per_transaction or split the migration.',
  '25P03': idleTooLong,
  '25P04': idleTooLong,
  '08P01': idleTooLong,
  '42501': 'Grant the role what it lacks, or run the migrations as the owner of these objects.',
}
