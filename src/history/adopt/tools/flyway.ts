import type { Adopter, ForeignHistory, ForeignRow, Match, Traced } from '../adopter.ts'
import { type TableMarks, findTable, lockPlace } from '../find-table.ts'
import { isOlder, isVersion, matchUpTo } from '../match-up-to.ts'

const marks: TableMarks = {
  name: 'flyway_schema_history',
  schema: 'public',
  columns: {
    installed_rank: 'number',
    version: 'text',
    description: 'text',
    type: 'text',
    script: 'text',
    checksum: 'number',
    success: 'boolean',
  },
}

interface Row {
  readonly version: string | null
  readonly description: string
  readonly type: string
  readonly script: string
  readonly checksum: string | null
  readonly success: boolean
}

/** `flyway_schema_history`: later rows may take earlier ones back, and a baseline stands for all versions up to its. */
export const flyway: Adopter = {
  format: 'flyway',
  table: marks.name,
  keyColumn: 'version',
  read: async (session, elsewhere) => {
    const found = await findTable(session, marks, elsewhere)
    if (!found) return null
    const { table } = found
    const rows = await session.query<Row>(
      `select version, description, type, script, checksum::text as checksum, success from ${table} order by installed_rank`,
    )
    return { table, rows: standing(rows) }
  },
  lock: async (session) => {
    const { schema } = await lockPlace(session, marks)
    return schema === null ? null : { key: lockKey(schema, marks.name) }
  },
  match,
}

/** What is left when every row has had its say, oldest first. */
function standing(rows: readonly Row[]): readonly ForeignRow[] {
  const left = new Map<string, ForeignRow>()
  for (const row of rows) {
    const { version, description, type, success } = row
    if (type === 'SCHEMA') continue
    const key = version === null ? description : normalise(version)
    const slot = `${version === null ? 'repeatable' : 'version'} ${key}`
    if (isBaseline(type)) {
      if (success) left.set(`baseline ${key}`, { ...toRow(row, key), hash: null, covers: true })
      continue
    }
    // What came later stands later.
    left.delete(slot)
    const isTakenBack = success && (type === 'DELETE' || type.startsWith('UNDO_'))
    if (!isTakenBack) left.set(slot, toRow(row, key))
  }
  return [...left.values()]
}

function isBaseline(type: string): boolean {
  return type === 'BASELINE' || type.endsWith('_BASELINE')
}

function toRow({ checksum, success, script }: Row, key: string): ForeignRow {
  return { key, hash: checksum, state: success ? 'applied' : 'failed', called: script }
}

/** `1.2.0` and `1_2` are `1.2`. */
function normalise(version: string): string {
  const numbers = version.split(/[._]/).map((part) => part.replace(/^0+(?=\d)/, ''))
  while (numbers.length > 1 && numbers.at(-1) === '0') numbers.pop()
  return numbers.join('.')
}

function match(files: readonly Traced[], history: ForeignHistory): Match {
  const found = matchUpTo(files, history, isOlder)
  const baselines = new Set(history.rows.filter(({ covers }) => covers).map(({ called }) => called))
  const isRepeatable = new Set(files.filter(({ origin }) => !isVersion(origin.key)).map(({ migration }) => migration))
  return {
    ...found,
    // A repeatable migration that was edited is simply due again.
    edited: found.edited.filter((one) => !isRepeatable.has(one)),
    // No file has to be there for a baseline.
    unknown: found.unknown.filter((called) => !baselines.has(called)),
  }
}

/** The key of flyway's lock: its name in bytes, and Java's hash of the table as flyway writes it. */
export function lockKey(schema: string, table: string): bigint {
  const quoted = [schema, table].map((name) => `"${name.replaceAll('"', '""')}"`).join('.')
  let hash = 0
  for (let i = 0; i < quoted.length; i += 1) hash = (Math.imul(hash, 31) + quoted.charCodeAt(i)) | 0
  return 0x466c_7977_6179n + BigInt(hash)
}
