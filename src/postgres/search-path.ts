import pg from 'pg'

/** A search_path as Postgres reads it. */
export function searchPathSql(schemas: readonly string[]): string {
  return schemas.map((schema) => pg.escapeIdentifier(schema)).join(', ')
}
