import type { Target } from './database/target.ts'
import type { Problem } from '../errors.ts'
import type { SettingName, SettingValue } from './settings.ts'

/** Of which databases or schemas a fleet is, and how it is gone through. */
export interface FleetConfig {
  /** A question to the central database whose rows are the tenants; null when they stand elsewhere. */
  readonly query: string | null
  /** A file with a tenant a line, as an absolute path or as it was written. */
  readonly file: string | null
  /** Patterns of the schemas that are the tenants. */
  readonly schemas: readonly string[] | null
  /** The database that keeps the ledger, null for that of the run. */
  readonly ledger: Target | null
  readonly shards: number
  /** Which of them this is, from 0. */
  readonly shard: number
  /** How many tenants at once. */
  readonly parallel: number
  /** How many connections all shards together may take on one server. */
  readonly connections: number
}

type Reader = <Name extends SettingName>(name: Name) => SettingValue<Name>

/** Reads it; `index` is what an Indexed Job of Kubernetes says. */
export function readFleet(read: Reader, index: string | undefined, problems: Problem[]): Omit<FleetConfig, 'ledger'> {
  const shards = read('UPFRONT_FLEET_SHARDS')
  const text = read('UPFRONT_FLEET_SHARD') ?? (shards > 1 ? index : undefined)
  const shard = Number(text ?? (shards > 1 ? NaN : 0))
  if (!(Number.isInteger(shard) && shard >= 0 && shard < shards)) {
    const what =
      text === undefined
        ? 'UPFRONT_FLEET_SHARDS is set, but not which one this is: set UPFRONT_FLEET_SHARD, from 0 (an Indexed Job of Kubernetes does by JOB_COMPLETION_INDEX)'
        : `UPFRONT_FLEET_SHARD (or JOB_COMPLETION_INDEX): ${JSON.stringify(text)} is none of the ${shards} of UPFRONT_FLEET_SHARDS; expected 0 to ${shards - 1}`
    problems.push({ what })
  }
  return {
    query: read('UPFRONT_FLEET_QUERY'),
    file: read('UPFRONT_FLEET_FILE'),
    schemas:
      read('UPFRONT_FLEET_SCHEMAS')
        ?.split(',')
        .map((name) => name.trim()) ?? null,
    shards,
    shard: Number.isInteger(shard) ? shard : 0,
    parallel: read('UPFRONT_FLEET_PARALLEL'),
    connections: read('UPFRONT_FLEET_CONNECTIONS'),
  }
}
