import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'schema_migrations',
  schema: 'supabase_migrations',
  onlyThere: true,
  columns: { version: 'text' },
}

/** `supabase_migrations.schema_migrations`: the digits that the file's name begins with. */
export const supabase: Adopter = {
  format: 'supabase',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select version as key, ${justApplied}, 'version ' || version as called from ${table} order by version`,
  ),
}
