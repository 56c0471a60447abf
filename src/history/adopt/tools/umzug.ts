import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { matchByName } from '../match-by-name.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = { name: 'SequelizeMeta', schema: 'public', columns: { name: 'text' } }

/** `"SequelizeMeta"` of umzug and sequelize-cli: names of files with their extension. */
export const umzug: Adopter = {
  format: 'umzug',
  table: marks.name,
  read: readRows(marks, (table) => `select name as key, ${justApplied}, name as called from ${table} order by name`),
  match: matchByName,
}
