import { Failure } from '../../errors.ts'
import { repairCommands } from '../repair/command.ts'
import type { ForeignHistory, Match } from './adopter.ts'

/** Where a match was found, for messages. */
export interface Place {
  /** The tool. */
  readonly from: string
  readonly history: ForeignHistory
}

/** Throws MISMATCH for what its own tool passes over in silence or stops at, with the commands that decide. */
export function refuseDoubts({ edited, failed, skipped }: Match, { from, history: { table } }: Place): void {
  const list = [
    ...edited.map(({ name }) => `${name}: edited after ${from} applied it`),
    ...failed.map(({ name }) => `${name}: ${from} began it and did not finish it`),
    ...skipped.map(({ name }) => `${name}: never applied, and ${from} passes it over because a later one was`),
  ]
  if (list.length === 0) return
  const names = (all: Match['edited']) => all.map(({ name }) => name)
  const steps = [
    edited.length > 0
      ? 'Restore the edited files. Or, when the database is as the files are now:' +
        repairCommands('done', names(edited))
      : '',
    failed.length > 0
      ? `Settle what stopped half way with ${from}'s own command and start again. Or, when all of it is done:` +
        repairCommands('done', names(failed))
      : '',
    skipped.length > 0
      ? 'To run what was passed over, set UPFRONT_OUT_OF_ORDER=apply. Or, when the database has it already:' +
        repairCommands('done', names(skipped))
      : '',
  ]
  throw new Failure('MISMATCH', `${table} and the migration files disagree; nothing was applied`, {
    list,
    next: steps.filter((step) => step !== '').join('\n'),
  })
}

/** Throws MISMATCH for rows without a file, on which what is pending may not be built. */
export function refuseUnknown(unknown: readonly string[], { from, history: { table } }: Place): void {
  throw new Failure('MISMATCH', `${table} has what this bundle has no file of, and migrations are pending`, {
    list: unknown.map((called) => `${called}: applied by ${from}, but this bundle has no such file`),
    next: 'Restore the missing files, or check that this is the database you meant. Or, when they were squashed or removed, set UPFRONT_MISSING=ignore.',
  })
}

/** The tool's table is there, and the role may not read it. */
export function deniedForeign(from: string, role: string, cause: unknown): Failure {
  const { message } = cause as Error
  return new Failure(
    'DENIED',
    `the role ${role} may not read the history of ${from}`,
    {
      sqlstate: '42501',
      reason: message,
      next: `Grant it: grant select on that table to ${role}. Or, when it belongs to something else in this database, set UPFRONT_FORMAT=plain.`,
    },
    cause,
  )
}

/** A history that nobody has told us to go on with: running everything again would fail, or worse, succeed. */
export function refuseUnadopted({ from, history: { table, rows } }: Place): Failure {
  const count = rows.length === 1 ? 'a migration' : `${rows.length} migrations`
  return new Failure(
    'MISMATCH',
    `this database has a history of ${from}: ${table} with ${count}; nothing was applied`,
    {
      next:
        `When these are the migrations of that history, set UPFRONT_FORMAT=${from}, and they are taken over. When it ` +
        'belongs to something else in this database, set UPFRONT_FORMAT=plain.',
    },
  )
}
