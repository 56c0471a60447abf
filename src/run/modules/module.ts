import { setImmediate, setTimeout as setTimeoutPromise } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import type { ModuleScript } from '../../migration.ts'
import { isConnectionLost, isContention, noteSurvived } from '../../postgres/classify.ts'
import { type GuardedClient, guardClient } from '../../postgres/module-client/guarded-client.ts'
import type { Session } from '../../postgres/session.ts'
import type { MigrationFunction, MigrationModule } from './contract.ts'
import { type OnUncaught, catchUncaught } from './uncaught.ts'

/**
 * An error of a module that our session did not answer, whatever its code: that of another connection may look like
 * ours.
 */
export class ModuleError extends Error {
  constructor(thrown: unknown) {
    super(thrown instanceof Error ? thrown.message : `it threw ${String(thrown)}`)
    if (thrown instanceof Error && thrown.stack !== undefined) this.stack = thrown.stack
  }
}

/** What a module throws where nobody waits for it, from its loading on. */
interface UncaughtErrors {
  /** Set when it came before anybody listened. */
  early?: { readonly error: unknown }
  report: OnUncaught
}

/** By the functions of a module. */
const uncaughtOf = new WeakMap<MigrationFunction, UncaughtErrors>()

/**
 * Loads a module, once, and checks what it exports; throws INVALID with what is missing, why it does not load, or that
 * it is not what was compiled.
 */
export async function loadModule(script: ModuleScript, file: string): Promise<MigrationModule> {
  script.verify?.()
  const uncaught: UncaughtErrors = { report: (error) => (uncaught.early ??= { error }) }
  let loaded: Partial<MigrationModule>
  try {
    loaded = await catchUncaught<Partial<MigrationModule>>(
      (error) => uncaught.report(error),
      () => import(pathToFileURL(script.path).href),
    )
    // An unhandled rejection is reported only when everything that was ready has run.
    await setImmediate()
    if (uncaught.early) throw uncaught.early.error
  } catch (error) {
    const reason = new ModuleError(error).message
    const next = 'Mend it; packages of npm are not in the image, only what Node has.'
    throw new Failure('INVALID', `${file} cannot be loaded`, { reason, next }, error)
  }
  for (const call of [loaded.up, loaded.down])
    if (typeof call === 'function' && !uncaughtOf.has(call)) uncaughtOf.set(call, uncaught)
  if (typeof loaded.up === 'function') return loaded as MigrationModule
  const next = 'Write: export async function up(client) { await client.query(...) }'
  throw new Failure('INVALID', `${file} exports no function up`, { next })
}

/** Where a module's function is called. */
export interface ModuleCall {
  readonly name: string
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly inTransaction: boolean
}

/**
 * Calls a module's function with a client that stops working as soon as the function has settled or is stopped: what it
 * had queued is never sent, and what is in flight has been answered when this settles. Throws for a query that it did
 * not wait for, for an error that nobody caught, and in a transaction for a query error that it swallowed, which has
 * broken the transaction; an error that our session did not answer becomes a ModuleError.
 */
export async function callModule(call: MigrationFunction, session: Session, context: ModuleCall): Promise<void> {
  const { signal, emit, name, inTransaction } = context
  signal.throwIfAborted()
  const log = (message: string) => emit({ type: 'notice', name, severity: 'LOG', message: String(message) })
  const firstUncaught = Promise.withResolvers<never>()
  firstUncaught.promise.catch(() => {})
  let report: OnUncaught = firstUncaught.reject
  const onUncaught: OnUncaught = (error) => report(error)
  const loading = uncaughtOf.get(call)
  if (loading?.early) onUncaught(loading.early.error)
  if (loading) loading.report = onUncaught
  const guard = guardClient(session, onUncaught)
  const running = catchUncaught(onUncaught, async () => call(guard.client, { signal, log }))
  const failure = await settle(Promise.race([running, firstUncaught.promise]), signal, guard)
  const hungUp = await drain(session, guard, signal)
  await setImmediate()
  const thrown = failure ?? (await Promise.race([firstUncaught.promise.catch((error) => ({ error })), undefined]))
  report = (error) =>
    emit({ type: 'notice', name, severity: 'WARNING', message: `after its end: ${new ModuleError(error).message}` })
  const broken = await findBreak(session)
  if (!broken || isAfterFailure(broken)) for (const error of [thrown?.error, guard.firstError()]) noteSurvived(error)
  if (broken && isConnectionLost(broken) && !hungUp && !signal.aborted) throw broken
  if (thrown) throw whatBrokeIt(thrown.error, broken, guard, signal)
  if (broken && inTransaction)
    throw guard.firstError() ?? new ModuleError(new Error('one of its queries failed, and it did not wait for it'))
}

/** Waits for a module's function, and closes its client at that very moment; resolves with what went wrong. */
async function settle(
  running: Promise<unknown>,
  signal: AbortSignal,
  guard: GuardedClient,
): Promise<{ readonly error: unknown } | undefined> {
  try {
    await stoppable(running, signal, () => void guard.close())
    const unanswered = guard.unanswered()
    if (!unanswered) return undefined
    unanswered.message = 'it ended without waiting for this query'
    return { error: unanswered }
  } catch (error) {
    return { error }
  } finally {
    void guard.close()
  }
}

const hangUpAfterMs = 5_000
const cancelAgainMs = 300

/** Waits until the server has answered what the module left in flight, cancelled; true when that needed hanging up. */
async function drain(session: Session, guard: GuardedClient, signal: AbortSignal): Promise<boolean> {
  let hungUp = false
  const timer = setTimeout(() => {
    hungUp = true
    session.close('the query that a module left does not end')
  }, hangUpAfterMs)
  const closed = guard.close()
  if (signal.aborted) await Promise.race([closed, setTimeoutPromise(cancelAgainMs)])
  // A cancel request may arrive before its query, so it is repeated; none may be left when the ROLLBACK is sent.
  while (guard.isBusy()) {
    await session.cancel().catch(() => {})
    await Promise.race([closed, setTimeoutPromise(cancelAgainMs)])
  }
  clearTimeout(timer)
  return hungUp
}

/** The error to report: in a broken transaction every query fails, so it is the one that broke it. */
function whatBrokeIt(thrown: unknown, broken: unknown, guard: GuardedClient, signal: AbortSignal): unknown {
  if (signal.aborted && thrown === signal.reason) return thrown
  const first = guard.firstError()
  if (broken && first !== undefined && (isAfterFailure(thrown) || isContention(first))) return first
  return guard.isAnswer(thrown) ? thrown : new ModuleError(thrown)
}

/** What Postgres says to a statement that does nothing: an error when a query has failed since the transaction began. */
async function findBreak(session: Session): Promise<unknown> {
  try {
    await session.query('select')
    return undefined
  } catch (error) {
    return error
  }
}

function isAfterFailure(error: unknown): boolean {
  return (error as { code?: string } | null | undefined)?.code === '25P02'
}

/** A function that never resolves is left behind when the run has to stop. */
function stoppable(promise: Promise<unknown>, signal: AbortSignal, stop: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      stop()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(() => resolve(), reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
