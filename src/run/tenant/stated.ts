import type { Problem } from '../../errors.ts'
import type { Migration, Seed, SqlScript } from '../../migration.ts'
import { placeAt } from '../../sql/position.ts'

/** What is going to run, and where it stands. */
export interface Runnable extends Pick<Migration | Seed, 'name' | 'file'> {
  readonly script: Exclude<(Migration | Seed)['script'], SqlScript> | Pick<SqlScript, 'kind' | 'statements' | 'read'>
}

/** One statement of a file. */
export interface Stated {
  readonly name: string
  readonly file: string
  /** Of the whole file. */
  readonly text: string
  readonly start: number
  readonly kind: string
  readonly sql: string
}

const kinds: ReadonlySet<string> = new Set(['VariableSetStmt', 'CreateExtensionStmt', 'DropStmt'])

/** The statements of a file, those of its blocks one by one; none when nothing in it can matter to other tenants. */
export function statementsOf({ name, file, script }: Runnable): Stated[] {
  // The text of most files need not be read for this.
  if (script.kind !== 'sql' || !script.statements.some(({ kind, block }) => block || kinds.has(kind))) return []
  const text = script.read()
  const flat = script.statements.flatMap(({ block, ...statement }) => block?.statements ?? [statement])
  return flat.map(({ start, end, kind }) => ({ name, file, text, start, kind, sql: text.slice(start, end) }))
}

/** What is wrong with a statement. */
export function problem({ name, file, text, start }: Stated, what: string, next: string): Problem[] {
  return [{ name, place: placeAt(file, text, start), what, next }]
}
