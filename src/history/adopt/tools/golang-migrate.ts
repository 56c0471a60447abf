import { crc32 } from 'node:zlib'
import type { Adopter, ForeignHistory, Match, Traced } from '../adopter.ts'
import { type TableMarks, findTable, lockPlace } from '../find-table.ts'
import { isOlder, matchUpTo } from '../match-up-to.ts'

const marks: TableMarks = {
  name: 'schema_migrations',
  schema: 'public',
  columns: { version: 'number', dirty: 'boolean' },
  nothingElse: true,
}

/** `schema_migrations(version, dirty)`: one row, the newest version, and whether it stopped on its way there. */
export const golangMigrate: Adopter = {
  format: 'golang-migrate',
  table: marks.name,
  keyColumn: 'version',
  read: async (session, elsewhere) => {
    const found = await findTable(session, marks, elsewhere)
    if (!found) return null
    const { table } = found
    const rows = await session.query<{ version: string; dirty: boolean }>(
      `select version::text as version, dirty from ${table} order by version`,
    )
    return {
      table,
      rows: rows.map(({ version, dirty }) => ({
        key: version,
        hash: null,
        state: dirty ? 'failed' : 'applied',
        called: `version ${version}${dirty ? ' (dirty)' : ''}`,
        covers: true,
      })),
    }
  },
  lock: async (session) => {
    const { database, schema } = await lockPlace(session, marks)
    // Whoever opens it by a URL, as its own command does, takes the path for the name, with its slash.
    return schema === null ? null : { key: lockKey(`/${database}`, schema, marks.name) }
  },
  match,
}

/** The key of golang-migrate's lock since 4.0. */
export function lockKey(database: string, schema: string, table: string): bigint {
  return (BigInt(crc32([schema, table, database].join('\0'))) * 1_486_364_155n) % (1n << 32n)
}

const beforeAll = '-1'

function match(files: readonly Traced[], history: ForeignHistory): Match {
  const found = matchUpTo(files, history, isOlder)
  const [first] = files
  // It goes to -1 by taking back the first migration, and that is where it stopped.
  if (!first || !history.rows.some(({ key }) => key === beforeAll)) return found
  return { ...found, failed: [first.migration], unknown: [] }
}
