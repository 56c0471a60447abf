import type { HistoryColumn } from './config.ts'

/** Reads `schema.table.column` or `table.column`, each name as the catalog has it; null for anything else. */
export function parseHistoryColumn(text: string): HistoryColumn | null {
  const parts = text.split('.').map((part) => /^"(.+)"$/.exec(part)?.[1] ?? part)
  if (parts.length < 2 || parts.length > 3 || parts.some((part) => part === '' || part.includes('"'))) return null
  const [column, table, schema = null] = parts.toReversed() as [string, string, string?]
  return { schema, table, column }
}
