import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'goose_db_version',
  schema: 'public',
  columns: { id: 'number', version_id: 'number', is_applied: 'boolean', tstamp: 'time' },
}

/** `goose_db_version`: the newest row of a version says whether it is applied; 0 stands for the empty database. */
export const goose: Adopter = {
  format: 'goose',
  table: marks.name,
  keyColumn: 'version_id',
  read: readRows(
    marks,
    (table) => `select version_id::text as key, ${justApplied}, 'version ' || version_id as called
    from (select distinct on (version_id) id, version_id, is_applied from ${table} order by version_id, id desc) newest
    where is_applied and version_id <> 0 order by id`,
  ),
  // Of programs that give goose its session locker; the command itself takes none.
  lock: async () => ({ key: 4_097_083_626n }),
}
