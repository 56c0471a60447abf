import { resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'
import { flagOf, settingNames } from '../config/settings.ts'
import { Failure } from '../errors.ts'
import type { Event } from '../events.ts'
import type { Io } from '../io.ts'
import { noWait } from '../postgres/lock.ts'
import { withoutDetail, withoutDetailOf } from '../report/detail.ts'
import { makeRedact } from '../report/redact.ts'
import { withoutSecrets, withoutSecretsOf } from '../report/without-secrets.ts'
import { newRunConnection } from '../run/connection.ts'
import { type Phase, withDeadline } from '../run/deadline.ts'
import type { Flags, Run } from '../run/run.ts'
import type { Options } from './options.ts'

/** What differs from call to call. */
export interface Own {
  readonly flags?: Flags
  /** Hears everything before the caller does. */
  readonly hear?: (event: Event) => void
}

/** Runs something as the process would run a command, but in this one: no exit, no output, no handle left open. */
export async function call<T>(options: Options, execute: (run: Run) => Promise<T>, own: Own = {}): Promise<T> {
  const { flags = {}, hear } = own
  const write = () => {}
  const { signal: callers = new AbortController().signal } = options
  const stop = new AbortController()
  // Whatever reason the caller gave, also none or a text.
  const onAbort = () => stop.abort(new Failure('INTERRUPTED_TERM', 'stopped by the caller', {}, callers.reason))
  const env = {
    ...options.env,
    ...(options.databaseUrl === undefined ? {} : { UPFRONT_DATABASE_URL: options.databaseUrl }),
  }
  const io: Io = {
    argv: [],
    env,
    cwd: resolve('.'),
    stdout: { write },
    stderr: { write },
    signal: stop.signal,
    hostname: 'api',
  }
  const config = await loadConfig(io, settingsOf(options), { database: true, dotenv: false })
  let deaf: { readonly error: unknown } | undefined
  const redact = makeRedact(config.secrets)
  // Thrown here, an error of the caller's would end the process, because many events come from sockets and timers.
  const goDeaf = (error: unknown) => void (deaf ??= { error })
  const emit = (happened: Event) => {
    const event = config.logDetail === 'on' ? happened : withoutDetail(happened)
    hear?.(event)
    try {
      const heard: unknown = options.onEvent && options.onEvent(withoutSecrets(event, redact))
      if (heard instanceof Promise) heard.catch(goDeaf)
    } catch (error) {
      goDeaf(error)
    }
  }
  for (const message of config.warnings) emit({ type: 'warning', message })
  if (callers.aborted) onAbort()
  else callers.addEventListener('abort', onAbort, { once: true })
  let result: T
  try {
    const phase: Phase = { current: 'waiting for the server' }
    const signal = withDeadline(config.deadlineMs, io.signal, phase)
    const fresh = { phase, lockWait: noWait(), connection: newRunConnection() }
    result = await execute({ io, config, flags, operands: [], emit, answer: write, redact, signal, ...fresh })
  } catch (error) {
    const told = error instanceof Failure || !stop.signal.aborted ? error : stop.signal.reason
    if (!(told instanceof Failure)) throw told
    throw withoutSecretsOf(config.logDetail === 'on' ? told : withoutDetailOf(told), redact)
  } finally {
    callers.removeEventListener('abort', onAbort)
  }
  if (deaf) throw deaf.error
  return result
}

function settingsOf({ migrationsDir, seedsDir, seed, settings = {} }: Options): Record<string, string> {
  const given = Object.entries({ ...settings, migrationsDir, seedsDir, seed })
  const names = new Set(settingNames.map(flagOf))
  const flags = given.flatMap(([name, value]) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    if (value !== undefined && !names.has(flag)) throw new Failure('USAGE', `${name} is not a setting`)
    return value === undefined ? [] : [[flag, value]]
  })
  return Object.fromEntries(flags) as Record<string, string>
}
