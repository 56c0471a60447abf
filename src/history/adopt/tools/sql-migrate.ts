import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'gorp_migrations',
  schema: 'public',
  columns: { id: 'text', applied_at: 'time' },
}

/** `gorp_migrations` of sql-migrate: names of files with their extension. */
export const sqlMigrate: Adopter = {
  format: 'sql-migrate',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select id as key, ${justApplied}, id as called from ${table} order by applied_at, id`,
  ),
}
