import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'schema_migrations',
  schema: 'public',
  columns: { version: 'text' },
  nothingElse: true,
}

/** `schema_migrations(version)` of dbmate: the digits that the file's name begins with. */
export const dbmate: Adopter = {
  format: 'dbmate',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select version as key, ${justApplied}, 'version ' || version as called from ${table} order by version`,
  ),
}
