import { resolve } from 'node:path'
import { commands } from './commands/index.ts'
import { loadConfig } from './config/load.ts'
import { flagOf, settingNames } from './config/settings.ts'
import { Failure, type FailureCode, type FailureFacts, failures } from './errors.ts'
import type { Event } from './events.ts'
import type { Io } from './io.ts'
import { noWait } from './postgres/lock.ts'
import { withoutDetail, withoutDetailOf } from './report/detail.ts'
import { makeRedact } from './report/redact.ts'
import { withoutSecrets, withoutSecretsOf } from './report/without-secrets.ts'
import { newRunConnection } from './run/connection.ts'
import { type Phase, withDeadline } from './run/deadline.ts'
import type { Flags } from './run/run.ts'

export { Failure, failures }
export type { Event, FailureCode, FailureFacts }
export type { MigrationContext, MigrationModule as Migration } from './run/modules/contract.ts'

/** What every call takes; nothing is read from the environment or from `.env` unless `env` is given. */
export interface Options {
  /** A connection URL as libpq knows it, several hosts allowed. */
  readonly databaseUrl?: string
  /** Default `./migrations`. */
  readonly migrationsDir?: string
  /** Default `./seeds`. */
  readonly seedsDir?: string
  /** The environment whose seeds run; none without it. */
  readonly seed?: string
  /** Any other setting by its name in the README, in camel case: `{ waitTimeout: '30s', schema: 'ops' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Variables to read settings from, for example `process.env`; options beat them. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Stops the call: what is in flight is cancelled and rolled back. */
  readonly signal?: AbortSignal
  /** Hears everything that happens; nothing is printed otherwise. What it throws, the call throws in the end. */
  readonly onEvent?: (event: Event) => void
}

export interface UpResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  readonly seeded: readonly string[]
  /** What a newer image had applied before. */
  readonly ahead: readonly string[]
}

export interface StatusResult {
  readonly state: 'up_to_date' | 'pending' | 'mismatch'
  readonly bundle: string
  readonly migrations: readonly StatusEntry[]
  readonly seeds: readonly StatusEntry[]
}

export interface StatusEntry {
  readonly name: string
  readonly state:
    'applied' | 'baseline' | 'running' | 'pending' | 'out_of_order' | 'changed' | 'missing' | 'ignored' | 'ahead'
  readonly applied_at: string | null
  readonly duration_ms: number | null
}

/** Waits, locks, migrates, seeds; resolves with what was applied, throws a Failure with its code. */
export async function up(options: Options): Promise<UpResult> {
  const applied: string[] = []
  const seeded: string[] = []
  let ahead: readonly string[] = []
  await call('up', options, {}, (event) => {
    if (event.type === 'applied') applied.push(event.name)
    if (event.type === 'seeded') seeded.push(event.name)
    if (event.type === 'ahead') ahead = event.names
  })
  return { applied, seeded, ahead }
}

/** What is applied, what is pending, what does not match; writes nothing. */
export async function status(options: Options): Promise<StatusResult> {
  return JSON.parse(await call('status', options, { json: true })) as StatusResult
}

/** Resolves when the database has every migration of the folder; throws PENDING or NOT_READY when it has not in time. */
export async function wait(options: Options): Promise<void> {
  await call('wait', options)
}

/** Runs one command as the process would, but in this one: no exit, no output, no handle left open. */
async function call(name: string, options: Options, flags: Flags = {}, hear?: (event: Event) => void): Promise<string> {
  let answered = ''
  const write = (text: string) => (answered += text)
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
    stderr: { write: () => {} },
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
  const execute = await commands[name]!.load()
  if (callers.aborted) onAbort()
  else callers.addEventListener('abort', onAbort, { once: true })
  try {
    const phase: Phase = { current: 'waiting for the server' }
    const signal = withDeadline(config.deadlineMs, io.signal, phase)
    const own = { phase, lockWait: noWait(), connection: newRunConnection() }
    await execute({ io, config, flags, operands: [], emit, answer: write, redact, signal, ...own })
  } catch (error) {
    const told = error instanceof Failure || !stop.signal.aborted ? error : stop.signal.reason
    if (!(told instanceof Failure)) throw told
    throw withoutSecretsOf(config.logDetail === 'on' ? told : withoutDetailOf(told), redact)
  } finally {
    callers.removeEventListener('abort', onAbort)
  }
  if (deaf) throw deaf.error
  return answered
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
