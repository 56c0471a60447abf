import { createHash } from 'node:crypto'
import type { Target } from '../config/database/target.ts'

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
