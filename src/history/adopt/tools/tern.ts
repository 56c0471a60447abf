import type { Adopter } from '../adopter.ts'
import type { TableMarks } from '../find-table.ts'
import { isOlder, matchUpTo } from '../match-up-to.ts'
import { justApplied, readRows } from '../read-rows.ts'

const marks: TableMarks = {
  name: 'schema_version',
  schema: 'public',
  columns: { version: 'number' },
  nothingElse: true,
}

/** `schema_version` of tern: one row, the number of the newest migration, 0 before the first. */
export const tern: Adopter = {
  format: 'tern',
  table: marks.name,
  read: readRows(
    marks,
    (table) => `select version::text as key, ${justApplied}, 'version ' || version as called, true as covers
    from ${table} where version <> 0 order by version`,
  ),
  lock: async () => ({ key: 9_628_173_550_095_224n }),
  match: (files, history) => matchUpTo(files, history, isOlder),
}
