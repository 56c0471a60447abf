import { Failure } from '../errors.ts'
import { placeAt } from '../postgres/position.ts'
import type { LooseStep } from './loose-step.ts'
import type { Migration } from './migration.ts'
import { describeSqlError } from './sql-error.ts'

/** FAILED when nothing of it has happened, else PARTIAL with how to go on. */
export function stopped(step: LooseStep, text: string, done: number, error: unknown): Failure {
  const { name, file } = step.migration
  const { statements } = step.script
  const failing = statements[done]
  // A position is that in the message; the statement's own place is what an editor can go to.
  const place = failing ? { place: placeAt(file, text, failing.start) } : {}
  const facts = { ...describeSqlError(error), ...place }
  if (done === 0)
    return new Failure('FAILED', `migration ${name} failed at its first statement; nothing of it remains`, facts, error)
  const next = `Mend statement ${done + 1} and start again: it goes on there, as long as what is before it stays as it is.`
  const message = `migration ${name} stopped after ${done} of ${statements.length} statements, which remain (it runs outside a transaction)`
  return new Failure('PARTIAL', message, { ...facts, next }, error)
}

/** PARTIAL for a statement that commits as it goes. */
export function stoppedWithin(step: LooseStep, text: string, i: number, error: unknown): Failure {
  const whole = stopped(step, text, i, error)
  const message = `migration ${step.migration.name} stopped inside its statement ${i + 1}, which commits as it goes: part of it remains`
  const next = 'Mend it so that it can run again from its beginning, and start again: it goes on with this statement.'
  return new Failure('PARTIAL', message, { ...whole.facts, next }, error)
}

/** MISMATCH: going on would be on other ground than the file says. */
export function changedBehind(step: LooseStep, done: number): Failure {
  const { name, file } = step.migration
  return new Failure(
    'MISMATCH',
    `${name} stopped half way, and the ${done} statements that had run were changed since`,
    {
      next: `Restore the first ${done} statements of ${file}; change only what has not run yet.`,
    },
  )
}

/** PARTIAL for an index of that name that is another. */
export function otherIndex({ name }: Migration, index: string): Failure {
  return new Failure('PARTIAL', `${name} stopped half way, and the index ${index} exists but is not as the file says`, {
    next: `Drop or rename that index, then start again.`,
  })
}

/** LOST, to be resolved by the history and the catalog. */
export function lost({ migration }: LooseStep, error: unknown): Failure {
  const reason = (error as Error).message
  const next = 'Run it again: it goes on where it stopped.'
  return new Failure('LOST', `the connection was lost while ${migration.name} ran`, { reason, next }, error)
}
