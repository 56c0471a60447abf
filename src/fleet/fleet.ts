import { createHash } from 'node:crypto'
import type { Target } from '../config/database/target.ts'

/** One database, or one schema of it, of a fleet. */
export interface FleetTarget {
  /** Stable, unique in the fleet; what the ledger, --only and messages call it; no secret. */
  readonly name: string
  /** For canaries and --only. */
  readonly group: string | null
  readonly target: Target
  /** Set for a tenant that is a schema: where its tables and its history are. */
  readonly schema: string | null
}

/** The same before it is its turn, as small as it can be, because there may be a hundred thousand. */
export interface Listed {
  readonly name: string
  readonly group: string | null
  /** A fingerprint of where it is, without what is secret or changes with every day. */
  readonly place: string
  /** Makes it what can be connected to. */
  readonly open: () => FleetTarget
}

/** A schema that was dropped and made again, or another that has taken its name, has another oid. */
export interface PlacedSchema {
  readonly name: string
  readonly oid: string
}

/** The fingerprint of where a tenant is, without what is secret or changes with every day. */
export function placeAt(hosts: string, database: string, schema: PlacedSchema | null): string {
  return createHash('sha256')
    .update(JSON.stringify([hosts, database, schema]))
    .digest('base64url')
    .slice(0, 16)
}

/** The servers of a target, for that. */
export function hostsOf({ hosts }: Target): string {
  return hosts.map(({ host, port }) => `${host}:${port}`).join()
}
