import { type Version, parseVersion } from './version.ts'

/** What flyway takes a file for by its name. */
export type Named =
  | { readonly kind: 'migration' | 'undo' | 'baseline'; readonly version: Version; readonly description: string }
  | { readonly kind: 'repeatable'; readonly description: string }
  /** SQL that flyway runs around its work; `migrating` when that is part of its `migrate`. */
  | { readonly kind: 'callback'; readonly event: string; readonly migrating: boolean }
  /** Java or a script in the place of SQL. */
  | { readonly kind: 'program' }

/** The events that `migrate` has, its validation and its connecting among them. */
const migrating = `
  beforeMigrate beforeEachMigrate beforeEachMigrateStatement beforeRepeatables
  afterMigrate afterMigrateApplied afterMigrateError afterMigrateOperationFinish afterVersioned
  afterEachMigrate afterEachMigrateError afterEachMigrateStatement afterEachMigrateStatementError
  beforeValidate afterValidate afterValidateError
  createSchema beforeCreateSchema beforeConnect afterConnect
`.match(/\w+/g)!

/** Those of its other commands. */
const elsewhere = `
  beforeClean afterClean afterCleanError beforeBaseline afterBaseline afterBaselineError
  beforeRepair afterRepair afterRepairError beforeInfo afterInfo afterInfoError afterInfoOperationFinish
  beforeUndo afterUndo afterUndoError beforeEachUndo afterEachUndo afterEachUndoError
  beforeEachUndoStatement afterEachUndoStatement afterEachUndoStatementError
`.match(/\w+/g)!

const kinds = { V: 'migration', U: 'undo', B: 'baseline' } as const

/** The longest first, because flyway takes the longest prefix that fits. */
const prefixes = ['V', 'U', 'B', 'R', ...migrating, ...elsewhere].sort((a, b) => b.length - a.length)

const suffix = /\.sql$/i
const program = /^(V\d|R__).*\.(java|class|kt|groovy|cmd|bat|ps1|py|sh|bash)$/

/** What a file is by its name without its folder; null for what flyway passes over. */
export function readName(file: string): Named | null {
  if (program.test(file)) return { kind: 'program' }
  if (!suffix.test(file)) return null
  const name = file.replace(suffix, '')
  const prefix = prefixes.find((one) => name.startsWith(one))
  if (prefix === undefined) return null
  const rest = name.slice(prefix.length)
  const separator = rest.indexOf('__')
  const before = separator === -1 ? rest : rest.slice(0, separator)
  const description = separator === -1 ? '' : rest.slice(separator + 2).replaceAll('_', ' ')
  if (prefix in kinds) {
    const version = parseVersion(before)
    return version && { kind: kinds[prefix as keyof typeof kinds], version, description }
  }
  if (before !== '') return null
  if (prefix === 'R') return { kind: 'repeatable', description }
  return { kind: 'callback', event: prefix, migrating: migrating.includes(prefix) }
}
