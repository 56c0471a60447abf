import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { matchByName } from '../match-by-name.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'migrations',
  schema: 'public',
  columns: { id: 'number', timestamp: 'number', name: 'text' },
}

/** `migrations` of TypeORM: a time, which the name of a file begins with and that of its class ends with. */
export const typeorm: Adopter = {
  format: 'typeorm',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select "timestamp"::text as key, ${justApplied}, name as called from ${table} order by id`,
  ),
  match: matchByName,
}
