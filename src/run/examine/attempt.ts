import { Failure } from '../../errors.ts'
import { NotYet, ReadOnly } from '../../postgres/connect/wait.ts'
import type { Run } from '../run.ts'

/** What came of it: its result, or the failure that up would end with. */
export type Attempt<T> = { readonly done: T; readonly failure?: undefined } | { readonly failure: Failure }

/** Does what up would do and catches the failure it ends with; a run that has to stop, and a bug, are thrown on. */
export async function attempt<T>(run: Run, act: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { done: await act() }
  } catch (error) {
    run.signal.throwIfAborted()
    const failure = asFailure(error)
    if (failure === undefined) throw error
    return { failure }
  }
}

/** The failures of these, in their order. */
export function failuresOf(attempts: readonly (Attempt<unknown> | undefined)[]): Failure[] {
  return attempts.flatMap((one) => one?.failure ?? [])
}

function asFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error
  if (error instanceof NotYet) return new Failure('NOT_READY', error.message, { next: 'Connect to the primary.' })
  const next = 'Make it writable (default_transaction_read_only, a full disk?), or connect to the primary.'
  if (error instanceof ReadOnly) return new Failure('UNSAFE', error.message, { next })
  return undefined
}
