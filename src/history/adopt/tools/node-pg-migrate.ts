import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'pgmigrations',
  schema: 'public',
  columns: { id: 'number', name: 'text', run_on: 'time' },
}

/** `pgmigrations` of node-pg-migrate: names of files without their extension. */
export const nodePgMigrate: Adopter = {
  format: 'node-pg-migrate',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select name as key, ${justApplied}, name as called from ${table} order by run_on, id`,
  ),
  lock: async () => ({ key: 7_241_865_325_823_964n }),
}
