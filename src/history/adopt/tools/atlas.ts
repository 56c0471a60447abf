import type { Adopter } from '../adopter.ts'
import { type TableMarks, findTable } from '../find-table.ts'
import { matchUpTo } from '../match-up-to.ts'

const marks: TableMarks = {
  name: 'atlas_schema_revisions',
  schema: 'atlas_schema_revisions',
  columns: {
    version: 'text',
    description: 'text',
    type: 'number',
    applied: 'number',
    total: 'number',
    error: 'text',
    hash: 'text',
  },
}

interface Revision {
  readonly version: string
  readonly description: string
  readonly hash: string | null
  readonly isDone: boolean
}

/** `atlas_schema_revisions`: one row a version, and what is older than the first of them is never run by atlas. */
export const atlas: Adopter = {
  format: 'atlas',
  table: marks.name,
  keyColumn: 'version',
  read: async (session, elsewhere) => {
    const found = await findTable(session, marks, elsewhere)
    if (!found) return null
    const { table } = found
    // One row is no revision but says which directory of Atlas Cloud it is.
    const revisions = await session.query<Revision>(`select version, description, nullif(hash, '') as hash,
        applied = total and coalesce(error, '') = '' as "isDone"
      from ${table} where version <> '.atlas_cloud_identifier' order by version collate pg_catalog."C"`)
    return {
      table,
      rows: revisions.map(({ version, description, hash, isDone }, i) => ({
        key: version,
        hash,
        state: isDone ? 'applied' : 'failed',
        called: [version, description].filter((part) => part !== '').join('_'),
        // The first is the first file, a baseline, or a checkpoint that stands for all before it.
        ...(i === 0 ? { covers: true } : {}),
      })),
    }
  },
  lock: async () => ({ key: lockKey('atlas_migrate_execute') }),
  match: (files, history) => matchUpTo(files, history, (version, other) => version < other),
}

/** The key of a lock that atlas calls by this name: the 32 bits of its FNV-1. */
export function lockKey(name: string): bigint {
  let hash = 0x811c_9dc5
  for (const byte of Buffer.from(name)) hash = Math.imul(hash, 0x0100_0193) ^ byte
  return BigInt(hash >>> 0)
}
