import type { HistoryColumn } from '../../config/config.ts'
import { Failure } from '../../errors.ts'
import type { Format } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { type Adopter, type ForeignHistory, type ForeignRow, matchByKey } from './adopter.ts'
import { adopterOf, adopters } from './adopters.ts'
import { matchByName } from './match-by-name.ts'

/**
 * Reads names, versions or both from any column. Every row counts as applied, unless the table is a known tool's under
 * another name: then each counts as that tool counts it. `folder` is the format of the migrations folder.
 */
export function homeMade(place: HistoryColumn, folder: Format): Adopter {
  return {
    format: 'plain',
    table: place.table,
    read: async (session) => {
      const known = await readRenamed(session, place)
      if (known?.of === folder && isKey(known, place)) return known
      // In another tool's folder one number says nothing of other files.
      const theirs = (known?.rows ?? []).map(({ key, hash, state, called }): ForeignRow => ({
        key,
        hash,
        state,
        called,
      }))
      if (known && isKey(known, place)) return { table: known.table, rows: theirs }
      const history = await readColumn(session, place)
      return history && { ...history, rows: [...history.rows, ...theirs.filter(({ state }) => state === 'failed')] }
    },
    match: (files, history) => {
      if (history.of === undefined) return matchByName(files, history)
      return (adopterOf(history.of)?.match ?? matchByKey)(files, history)
    },
  }
}

/** The history of a tool whose table has been given another name; null when no tool makes a table of such columns. */
async function readRenamed(session: Session, place: HistoryColumn): Promise<ForeignHistory | null> {
  for (const { format, keyColumn, read } of adopters) {
    const history = keyColumn === undefined ? null : await read(session, place)
    if (history) return { ...history, of: format }
  }
  return null
}

function isKey({ of }: ForeignHistory, { column }: HistoryColumn): boolean {
  return of !== undefined && adopterOf(of)?.keyColumn === column
}

async function readColumn(session: Session, { schema, table, column }: HistoryColumn): Promise<ForeignHistory | null> {
  const quote = (name: string) => session.client.escapeIdentifier(name)
  const name = schema === null ? quote(table) : `${quote(schema)}.${quote(table)}`
  const sql = `select ${quote(column)}::text as key from ${name} where ${quote(column)} is not null`
  const rows = await ask(session, sql)
  return rows && { table: name, rows: rows.map(({ key }) => ({ key, hash: null, state: 'applied', called: key })) }
}

/** No table is no history, as on a new database; another column is a mistake in the setting. */
async function ask(session: Session, sql: string): Promise<{ readonly key: string }[] | null> {
  try {
    return await session.query<{ key: string }>(sql)
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code === '42P01' || code === '3F000') return null
    if (code !== '42703') throw error
    throw new Failure('USAGE', 'the column that UPFRONT_ADOPT names does not exist', {
      reason: message,
      next: 'Write schema.table.column, as the table has them.',
    })
  }
}
