import type { Adopter, ForeignRow } from './adopter.ts'
import { type TableMarks, findTable } from './find-table.ts'

/** Reads a tool's table by one question, which names its columns as those of ForeignRow are named. */
export function readRows(marks: TableMarks, ask: (table: string) => string): Adopter['read'] {
  return async (session, elsewhere) => {
    const found = await findTable(session, marks, elsewhere)
    if (!found) return null
    const rows = await session.query<ForeignRow>(ask(found.table))
    return { table: found.table, rows }
  }
}

/** What most tools say of a row: nothing but that it is there. */
export const justApplied = `null::text as hash, 'applied' as state`
