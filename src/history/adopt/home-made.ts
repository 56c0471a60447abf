import type { HistoryColumn } from '../../config/config.ts'
import { Failure } from '../../errors.ts'
import type { Session } from '../../postgres/session.ts'
import type { Adopter } from './adopter.ts'
import { matchByName } from './match-by-name.ts'

/** Reads names, versions or both from any column; every row counts as applied. */
export function homeMade({ schema, table, column }: HistoryColumn): Adopter {
  return {
    format: 'plain',
    read: async (session) => {
      const quote = (name: string) => session.client.escapeIdentifier(name)
      const name = schema === null ? quote(table) : `${quote(schema)}.${quote(table)}`
      const rows = await ask(
        session,
        `select ${quote(column)}::text as key from ${name} where ${quote(column)} is not null`,
      )
      if (rows === null) return null
      return { table: name, rows: rows.map(({ key }) => ({ key, hash: null, state: 'applied', called: key })) }
    },
    match: matchByName,
  }
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
