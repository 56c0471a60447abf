import { crc32 } from 'node:zlib'
import type { Adopter } from '../adopter.ts'
import { type TableMarks, lockPlace } from '../find-table.ts'
import { readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: '_sqlx_migrations',
  schema: 'public',
  columns: {
    version: 'number',
    description: 'text',
    installed_on: 'time',
    success: 'boolean',
    checksum: 'bytes',
    execution_time: 'number',
  },
}

/** `_sqlx_migrations`: a row without success is what sqlx calls dirty, and stops at. */
export const sqlx: Adopter = {
  format: 'sqlx',
  table: marks.name,
  keyColumn: 'version',
  read: readRows(
    marks,
    (table) => `select version::text as key, pg_catalog.encode(checksum, 'hex') as hash,
      case when success then 'applied' else 'failed' end as state, version || ' ' || description as called
    from ${table} order by installed_on, version`,
  ),
  lock: async (session) => ({ key: lockKey((await lockPlace(session, marks)).database) }),
}

/** The key of sqlx' lock, which depends on the database alone. */
export function lockKey(database: string): bigint {
  return 0x3d32_ad9en * BigInt(crc32(database))
}
