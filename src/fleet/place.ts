import { createHash } from 'node:crypto'
import type { Target } from '../config/database/target.ts'

/** The fingerprint of where a tenant is, without what is secret or changes with every day. */
export function placeAt(hosts: string, database: string, schema: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([hosts, database, schema]))
    .digest('base64url')
    .slice(0, 16)
}

/** The servers of a target, for that. */
export function hostsOf({ hosts }: Target): string {
  return hosts.map(({ host, port }) => `${host}:${port}`).join()
}
