import { Failure } from '../errors.ts'
import type { Event } from '../events.ts'
import { noWait } from '../postgres/lock.ts'
import { newRunConnection } from '../run/connection.ts'
import type { Flags, Run } from '../run/run.ts'
import type { FleetTarget } from './fleet.ts'
import { configOf } from './schemas.ts'
import { passWarning } from './warnings.ts'

/** How the command for one database is called. */
export type Command = (run: Run) => Promise<number>

/** What a command is told beside its configuration, and where its answer goes. */
export interface Asking {
  readonly flags: Flags
  readonly answer: (text: string) => void
}

const nothingAsked: Asking = { flags: {}, answer: () => {} }

/** How one tenant ended well. */
export interface Outcome {
  /** Whether anything was applied. */
  readonly how: 'done' | 'nothing'
  /** Whether contract migrations are left. */
  readonly isDeferred: boolean
}

/** How one tenant ended; rejects with the Failure it ended with. */
export async function runTarget(
  run: Run,
  one: FleetTarget,
  command: Command,
  { flags, answer }: Asking = nothingAsked,
): Promise<Outcome> {
  let isNothing = true
  let isDeferred = false
  const emit = (event: Event) => {
    if (['applied', 'seeded', 'adopted'].includes(event.type)) isNothing = false
    if (event.type === 'deferred') isDeferred = true
    passWarning(run, one, event)
  }
  const { signal, release } = ownSignal(run.signal)
  const own: Run = {
    ...run,
    config: configOf(run.config, one),
    flags,
    operands: [],
    emit,
    answer,
    signal,
    phase: { current: 'waiting for the server' },
    lockWait: noWait(),
    connection: newRunConnection(),
  }
  try {
    await command(own)
  } catch (error) {
    if (!(error instanceof Failure)) run.signal.throwIfAborted()
    throw error instanceof Failure ? error : new Failure('INTERNAL', String(error), {}, error)
  } finally {
    release()
  }
  return { how: isNothing ? 'nothing' : 'done', isDeferred }
}

/** A signal that follows another and is forgotten by it: what a run hangs on its signal would else stay to the end of the fleet. */
function ownSignal(whole: AbortSignal): { readonly signal: AbortSignal; readonly release: () => void } {
  const own = new AbortController()
  const follow = () => own.abort(whole.reason)
  if (whole.aborted) follow()
  whole.addEventListener('abort', follow, { once: true })
  return { signal: own.signal, release: () => whole.removeEventListener('abort', follow) }
}
