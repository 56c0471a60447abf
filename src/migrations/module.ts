import { pathToFileURL } from 'node:url'
import type { ClientBase } from 'pg'
import { Failure } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { Session } from '../postgres/session.ts'
import type { Migration, MigrationFunction } from './contract.ts'
import type { ModuleScript } from './migration.ts'

/**
 * Loads a module, once, and checks what it exports; throws INVALID with what is missing, why it does not load, or that
 * it is not what was compiled.
 */
export async function loadModule(script: ModuleScript, file: string): Promise<Migration> {
  script.verify?.()
  let loaded: Partial<Migration>
  try {
    loaded = (await import(pathToFileURL(script.path).href)) as Partial<Migration>
  } catch (error) {
    throw new Failure(
      'INVALID',
      `${file} cannot be loaded`,
      { reason: (error as Error).message, next: 'Mend it; packages of npm are not in the image, only what Node has.' },
      error,
    )
  }
  if (typeof loaded.up === 'function') return loaded as Migration
  const next = 'Write: export async function up(client) { await client.query(...) }'
  throw new Failure('INVALID', `${file} exports no function up`, { next })
}

/**
 * Calls a module's function with the session's client. A query error that the function swallowed is thrown all the
 * same: it has broken the transaction. The client's `end` and `release` do nothing.
 */
export async function callModule(
  call: MigrationFunction,
  session: Session,
  context: {
    readonly name: string
    readonly emit: Emit
    readonly signal: AbortSignal
    readonly inTransaction: boolean
  },
): Promise<void> {
  const { signal, emit, name } = context
  const log = (message: string) => emit({ type: 'notice', name, severity: 'LOG', message: String(message) })
  const watch = watchErrors(session)
  try {
    await abortable(Promise.resolve(call(watch.client, { signal, log })), signal)
  } catch (error) {
    // In a broken transaction every query fails; what broke it is what has to be told.
    throw isAfterFailure(error) ? (watch.firstError() ?? error) : asError(error)
  }
  if (context.inTransaction && (await isBroken(session))) {
    throw watch.firstError() ?? new Error('one of its queries failed, and it did not wait for it')
  }
}

/** The client as the module sees it, and the first error that one of its queries had. */
function watchErrors(session: Session) {
  let first: unknown
  const query = (...args: unknown[]): unknown => {
    const asked = new Error('asked here')
    const result: unknown = (session.client.query as (...all: unknown[]) => unknown)(...args)
    if (!(result instanceof Promise)) return result
    result.catch((error: Error) => {
      first ??= error
      // Its own stack ends in the driver; whoever asked is what one looks for.
      error.stack = asked.stack?.replace(/^.*/, () => String(error)) ?? ''
    })
    return result
  }
  const harmless = async () => {}
  const client = new Proxy(session.client, {
    get(target, property) {
      if (property === 'query') return query
      if (property === 'end' || property === 'release' || property === 'connect') return harmless
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as unknown as ClientBase
  return { client, firstError: () => first }
}

/** Whether a query has failed since the transaction began; comes after all that it has not waited for. */
async function isBroken(session: Session): Promise<boolean> {
  try {
    await session.query('select')
    return false
  } catch (error) {
    if (!isAfterFailure(error)) throw error
    return true
  }
}

function isAfterFailure(error: unknown): boolean {
  return (error as { code?: string } | null | undefined)?.code === '25P02'
}

/** A function that never resolves is left behind when the run has to stop. */
function abortable(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(() => resolve(), reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** What was thrown, as something that has a message. */
function asError(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown : new Error(`it threw ${String(thrown)}`)
}
