import { Failure, type FailureFacts, type Place } from '../../errors.ts'
import { halfDoneCommands, repairCommand } from '../../history/repair/command.ts'
import { placeAt } from '../../sql/position.ts'
import type { StillBusy } from '../apply/contention.ts'
import { busy, nameBlocker } from '../apply/failures.ts'
import { describeSqlError } from '../apply/sql-error.ts'
import type { OutsideFile } from './outside-file.ts'

/** FAILED: not even its first statement has left anything. */
export function failedAtFirst({ migration: { name } }: OutsideFile, error: unknown, place: Place): Failure {
  const facts = { ...describeSqlError(error), place }
  return new Failure('FAILED', `migration ${name} failed at its first statement; nothing of it remains`, facts, error)
}

/** PARTIAL: some statements are done, and the next one has left nothing. */
export function stopped(outside: OutsideFile, done: number, error: unknown, place: Place): Failure {
  const next =
    `Mend statement ${done + 1} and start again: it goes on there, as long as what is before it stays as it is. ` +
    'Or complete it, or take it back, by hand, and run one of these.'
  const list = halfDoneCommands(outside.migration.name)
  return new Failure('PARTIAL', soFar(outside, done), { ...describeSqlError(error), place, list, next }, error)
}

/** BUSY when others' locks have kept all of it from running, else PARTIAL with how to go on. */
export function stillBusy(outside: OutsideFile, done: number, error: StillBusy, isNothing: boolean): Failure {
  const { run, migration } = outside
  const blockers = error.watch.blockers()
  if (isNothing) return busy(migration, run.lockRetryMs, error.cause, blockers)
  const { code, message } = error.cause as { code?: string; message: string }
  return new Failure(
    'PARTIAL',
    `${soFar(outside, done)}; others' locks kept the next one from running for ${run.lockRetryMs / 1000} s`,
    {
      ...(code === undefined ? {} : { sqlstate: code }),
      reason: message,
      list: [...blockers.map(nameBlocker), ...halfDoneCommands(migration.name)],
      next:
        `Start again when the blocking transactions have ended: it goes on with statement ${done + 1}. Or raise ` +
        'UPFRONT_LOCK_RETRY. Or complete it, or take it back, by hand, and run the command that says so.',
    },
    error,
  )
}

/** What ends a run that is to stop, with what remains of the file. */
export function interrupted(outside: OutsideFile, done: number, reason: unknown): unknown {
  if (done === 0 || !(reason instanceof Failure)) return reason
  const facts: FailureFacts = { ...reason.facts, next: 'Start again: it goes on with the next statement.' }
  return new Failure(reason.code, `${reason.message}; ${soFar(outside, done)}`, facts, reason)
}

/** PARTIAL for a statement that commits as it goes. */
export function stoppedWithin({ migration: { name } }: OutsideFile, i: number, error: unknown, place: Place): Failure {
  return new Failure(
    'PARTIAL',
    `migration ${name} stopped inside its statement ${i + 1}, which commits as it goes: part of it may remain`,
    {
      ...describeSqlError(error),
      place,
      list: halfDoneCommands(name),
      next:
        `Look how far it came, and run one of these; or write statement ${i + 1} so that it goes on from there, and start ` +
        `again.${isLockTimeout(error) ? ' To wait longer for locks: "-- upfront:lock-timeout 1m" at the beginning of the file.' : ''}`,
    },
    error,
  )
}

function isLockTimeout(error: unknown): boolean {
  return (error as { code?: string }).code === '55P03'
}

/** MISMATCH: what had run was changed, so the rest may not fit to it. */
export function changedBehind({ migration: { name, file } }: OutsideFile, done: number): Failure {
  return new Failure(
    'MISMATCH',
    `${name} stopped half way, and the ${done} statements that had run were changed since`,
    {
      list: halfDoneCommands(name),
      next: `Restore the first ${done} statements of ${file}, and change only what has not run yet; or look how far it came, and run one of these.`,
    },
  )
}

/** PARTIAL: all of it has run, but without its row the next start would not know. */
export function rowGone({ migration: { name } }: OutsideFile): Failure {
  return new Failure('PARTIAL', `all statements of ${name} have run, but its row is gone from our history`, {
    reason: 'something has deleted it meanwhile',
    next: `Once you know what did: ${repairCommand('done', name)}`,
  })
}

/** LOST, to be resolved by the history and the catalog. */
export function lostOutside({ migration }: OutsideFile, error: unknown): Failure {
  const reason = (error as Error).message
  const next = 'Run it again: it goes on where it stopped.'
  return new Failure('LOST', `the connection was lost while ${migration.name} ran`, { reason, next }, error)
}

/** The place of a statement: what an editor can go to. */
export function placeOfStatement({ migration: { file }, script, text }: OutsideFile, i: number): Place {
  return placeAt(file, text, script.statements[i]?.start ?? text.length)
}

function soFar({ migration: { name }, script }: OutsideFile, done: number): string {
  return `migration ${name} stopped after ${done} of ${script.statements.length} statements, which remain (it runs outside a transaction)`
}
