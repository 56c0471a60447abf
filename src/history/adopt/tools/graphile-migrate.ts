import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'migrations',
  schema: 'graphile_migrate',
  onlyThere: true,
  columns: { hash: 'text', previous_hash: 'text', filename: 'text', date: 'time' },
}

/** `graphile_migrate.migrations`: the number of a file with .sql, and a hash that is chained to the one before. */
export const graphileMigrate: Adopter = {
  format: 'graphile-migrate',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select filename as key, hash, 'applied' as state, filename as called from ${table} order by filename`,
  ),
  lock: async () => ({ key: 4_727_445_306_447_283n }),
}
