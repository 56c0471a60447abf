import { formats } from '../migration.ts'
import type { Setting } from './setting.ts'

/** Every setting with its default and meaning, in the order in which people should read them. */
export const settings = {
  UPFRONT_MIGRATIONS_DIR: {
    kind: 'path',
    default: '/migrations',
    outsideImage: './migrations',
    meaning: 'the migrations: a folder with a manifest.json is a bundle, any other is source',
  },
  UPFRONT_SEEDS_DIR: {
    kind: 'path',
    default: '/seeds',
    outsideImage: './seeds',
    meaning: 'the seeds, bundle or source likewise',
  },
  UPFRONT_SEED: {
    kind: 'text',
    default: null,
    meaning:
      'environment whose seeds run: those directly in the folder, then those in the folder of that name (may be missing)',
  },
  UPFRONT_ENV: {
    kind: 'text',
    default: 'production',
    meaning: 'what this database is; recorded in it, guards destructive commands: one run as production is enough',
  },
  UPFRONT_FORMAT: {
    kind: 'enum',
    default: 'auto',
    choices: ['auto', ...formats],
    meaning: 'whose folder layout and history the migrations have; `auto` sees it by the marks that each tool leaves',
  },
  UPFRONT_ADOPT: {
    kind: 'text',
    default: null,
    meaning:
      'a column (schema.table.column) that holds the names or versions of what was applied before: those are taken over',
  },
  UPFRONT_WRITE_BACK: {
    kind: 'boolean',
    default: 'false',
    meaning:
      "also write the row of the folder's own tool for each migration, so that it finds nothing to do (drizzle, prisma, golang-migrate, goose, dbmate, sqlx, flyway)",
  },
  UPFRONT_SCHEMA: { kind: 'text', default: 'upfront', meaning: 'schema where history and runs live' },
  UPFRONT_TENANT: {
    kind: 'text',
    default: null,
    meaning:
      'schema that the command is for, as one of a fleet of schemas: its tables, its history (`upfront_history`)',
  },
  UPFRONT_ROLE: {
    kind: 'text',
    default: null,
    meaning: 'role that everything is done as (SET ROLE), so that what is made belongs to it; our tables too',
  },
  UPFRONT_WAIT_TIMEOUT: {
    kind: 'duration',
    default: '60s',
    meaning: 'how long to wait for the server to be ready (`wait`: for the migrations as well)',
  },
  UPFRONT_AUTH_GRACE: {
    kind: 'duration',
    default: '5s',
    meaning: 'how long a wrong password or a missing role or database is retried',
  },
  UPFRONT_LOCK_WAIT: { kind: 'duration', default: '10m', meaning: 'how long to wait for another runner to finish' },
  UPFRONT_LOCK_TIMEOUT: {
    kind: 'duration',
    default: '5s',
    meaning: "Postgres' lock_timeout in a migration's transaction (always 0 for CONCURRENTLY)",
  },
  UPFRONT_LOCK_RETRY: {
    kind: 'duration',
    default: '2m',
    meaning: 'how long a migration that ran into lock_timeout is retried',
  },
  UPFRONT_STATEMENT_TIMEOUT: { kind: 'duration', default: '0', meaning: 'limit for one statement' },
  UPFRONT_DEADLINE: { kind: 'duration', default: '0', meaning: 'limit for the whole run' },
  UPFRONT_OUT_OF_ORDER: {
    kind: 'enum',
    default: 'auto',
    choices: ['auto', 'error', 'apply'],
    meaning:
      'what to do with a migration that sorts before one already applied; `auto`: as the tool whose folder it is, `error` for ours',
  },
  UPFRONT_MISSING: {
    kind: 'enum',
    default: 'error',
    choices: ['error', 'ignore'],
    meaning:
      'what to do with migrations that were applied and have no file any more: `ignore` those squashed or removed',
  },
  UPFRONT_INVALID_INDEXES: {
    kind: 'enum',
    default: 'fail',
    choices: ['fail', 'drop'],
    meaning: '`drop` an invalid index that this very file makes and nobody is building',
  },
  UPFRONT_VERIFY: {
    kind: 'enum',
    default: 'warn',
    choices: ['warn', 'fail', 'off'],
    meaning: 'after applying, hold the live schema against the one that the bundle has (`compile --schema`)',
  },
  UPFRONT_VERIFY_EXCLUDE: {
    kind: 'text',
    default: null,
    meaning: 'what else may be in the database, with commas: schemas and patterns (`audit,public.legacy_*`)',
  },
  UPFRONT_VERIFY_ALSO: {
    kind: 'text',
    default: null,
    meaning: 'what is compared as well, with commas: owners, grants, comments',
  },
  UPFRONT_APP_VERSION: {
    kind: 'text',
    default: null,
    meaning: 'the version of the application that these migrations belong to: `wait --hold` writes it into its lease',
  },
  UPFRONT_APP_PATTERN: {
    kind: 'text',
    default: null,
    meaning:
      'how the sessions of the application are called, with commas: `shop/{version}`; an older version among them holds `contract` up',
  },
  UPFRONT_LEASE_TTL: {
    kind: 'duration',
    default: '60s',
    meaning: 'how long a lease lasts that is not renewed (`wait --hold` renews it at a third of that)',
  },
  UPFRONT_CONTRACT: {
    kind: 'enum',
    default: 'defer',
    choices: ['defer', 'when-safe', 'always'],
    meaning:
      'contract migrations: left to `upfront contract`, applied by `up` when nothing older is left, or in order with all others (databases that only one version uses)',
  },
  UPFRONT_CONTRACT_GRACE: {
    kind: 'duration',
    default: '0',
    meaning: 'how long nothing older may have been there, and nothing applied, before `contract` takes anything away',
  },
  UPFRONT_FLEET_QUERY: {
    kind: 'text',
    default: null,
    meaning:
      'the fleet as the rows of a query on the central database: a column `database` (a name on the same server) or `url`, and if you like `name` and `group`',
  },
  UPFRONT_FLEET_FILE: {
    kind: 'text',
    default: null,
    meaning: 'the fleet as a file: a database name or a URL a line',
  },
  UPFRONT_FLEET_SCHEMAS: {
    kind: 'text',
    default: null,
    meaning:
      'the fleet, where its tenants are schemas of the one database: their names with commas, a `*` is any text (`tenant_*`)',
  },
  UPFRONT_FLEET_SHARDS: { kind: 'number', default: '1', meaning: 'into how many shards the fleet is divided' },
  UPFRONT_FLEET_SHARD: {
    kind: 'text',
    default: null,
    meaning: 'which shard this is, from 0; without it `JOB_COMPLETION_INDEX`, which Kubernetes sets in an Indexed Job',
  },
  UPFRONT_FLEET_PARALLEL: { kind: 'number', default: '4', meaning: 'how many tenants this shard migrates at once' },
  UPFRONT_FLEET_CONNECTIONS: {
    kind: 'number',
    default: '20',
    meaning: 'how many connections a fleet may take on one server, all shards together',
  },
  UPFRONT_CREATE_DATABASE: {
    kind: 'boolean',
    default: 'false',
    meaning: '`up` creates the database when it does not exist, `fleet up` that of a tenant; no other command does',
  },
  UPFRONT_LOG_FORMAT: { kind: 'enum', default: 'text', choices: ['text', 'json'], meaning: 'how log lines look' },
  UPFRONT_LOG_LEVEL: {
    kind: 'enum',
    default: 'info',
    choices: ['warn', 'info', 'debug'],
    meaning: 'how much is logged',
  },
  UPFRONT_LOG_DETAIL: {
    kind: 'enum',
    default: 'on',
    choices: ['on', 'off'],
    meaning: "`off` leaves out Postgres' DETAIL and CONTEXT and other sessions' queries, where rows may stand",
  },
  UPFRONT_TERMINATION_LOG: {
    kind: 'path',
    default: '/dev/termination-log',
    meaning: 'where Kubernetes reads the last words; written only if the file exists',
  },
} as const satisfies Record<`UPFRONT_${string}`, Setting>

export type SettingName = keyof typeof settings

/** Defaults that a command has for itself, as one would write them. */
export type Defaults = Readonly<Partial<Record<SettingName, string>>>

/** The names of all settings, in the order of the table. */
export const settingNames = Object.keys(settings) as readonly SettingName[]

/** What a setting is after parsing. */
export type SettingValue<Name extends SettingName> = (typeof settings)[Name] extends {
  readonly kind: 'duration' | 'number'
}
  ? number
  : (typeof settings)[Name] extends { readonly kind: 'boolean' }
    ? boolean
    : (typeof settings)[Name] extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : (typeof settings)[Name] extends { readonly default: null }
        ? string | null
        : string

/** The flag of a setting without its dashes: `wait-timeout`. */
export function flagOf(name: SettingName): string {
  return name.slice('UPFRONT_'.length).toLowerCase().replaceAll('_', '-')
}

/** A setting's default; where it differs, `inImage` decides. */
export function defaultOf(name: SettingName, inImage: boolean): string | null {
  const setting: Setting = settings[name]
  return inImage ? setting.default : (setting.outsideImage ?? setting.default)
}

/** What may hold a connection string, the first one set wins; none of them has a flag, because others can see flags. */
export const databaseNames = ['UPFRONT_DATABASE_URL', 'MIGRATION_DATABASE_URL', 'DIRECT_URL', 'DATABASE_URL'] as const

/**
 * A server on which databases may be made and dropped, for what is tried out before it is done; without a flag for the
 * same reason.
 */
export const shadowName = 'UPFRONT_SHADOW_DATABASE_URL'

/** The database that keeps the ledger of a fleet, where that is not the central one; without a flag for the same reason. */
export const ledgerName = 'UPFRONT_FLEET_LEDGER_URL'

/** A server for the databases of tests, which `upfront/vitest` alone reads: whatever else is named may be production. */
export const testName = 'UPFRONT_TEST_DATABASE_URL'

/** Set by our own Dockerfile to the version of the image, so not a setting. */
export const imageName = 'UPFRONT_IMAGE'
