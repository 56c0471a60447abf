import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { matchByName } from '../match-by-name.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'knex_migrations',
  schema: 'public',
  columns: { id: 'number', name: 'text', batch: 'number', migration_time: 'time' },
}

/** `knex_migrations`: names of files with their extension, which a compiled project has otherwise (.ts and .js). */
export const knex: Adopter = {
  format: 'knex',
  table: marks.name,
  read: readRows(marks, (table) => `select name as key, ${justApplied}, name as called from ${table} order by id`),
  match: matchByName,
}
