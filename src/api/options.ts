import type { Event } from '../events.ts'

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
