import { type Adopter, type Traced, matchByKey } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: '_prisma_migrations',
  schema: 'public',
  columns: {
    id: 'text',
    checksum: 'text',
    finished_at: 'time',
    migration_name: 'text',
    rolled_back_at: 'time',
    started_at: 'time',
  },
}

/** `_prisma_migrations` of Prisma 2 to 7: what was rolled back does not count, and what did not finish stops it. */
export const prisma: Adopter = {
  format: 'prisma',
  table: marks.name,
  keyColumn: 'migration_name',
  // Prisma stops at any row that is not finished, also beside one that is: such a row has the last word.
  read: readRows(
    marks,
    (table) => `select migration_name as key, checksum as hash,
      case when finished_at is null then 'failed' else 'applied' end as state, migration_name as called
    from ${table} where rolled_back_at is null order by finished_at is null, started_at, migration_name`,
  ),
  lock: async () => ({ key: 72_707_369n }),
  match: (files, history) => matchByKey(files.map(withOldHashes), history),
}

/** Early versions wrote each byte without its leading zero. */
function withOldHashes({ migration, origin }: Traced): Traced {
  const old = origin.hashes.map((hash) => hash.replace(/../g, (byte) => byte.replace(/^0/, '')))
  return { migration, origin: { ...origin, hashes: [...origin.hashes, ...old] } }
}
