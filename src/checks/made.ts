import type { Node } from '../sql/parser.ts'

/** A thing as it is written, and by what it is found again in the same file. */
export interface Named {
  readonly written: string
  readonly key: string
}

/** What has no schema is in public, or among temporary things, as far as a file can tell. */
function named(parts: readonly (string | undefined)[]): Named | null {
  const said = parts.filter((part): part is string => part !== undefined && part !== '')
  if (said.length === 0) return null
  const isPlain = said.length > 1 && /^(public|pg_temp)$/.test(said.at(-2)!)
  return { written: said.join('.'), key: said.slice(isPlain ? -1 : -2).join('.') }
}

export function namedSchema(name: unknown): Named {
  return { written: String(name), key: `schema ${String(name)}` }
}

/** A relation as the tree has it; null where there is none. */
export function namedRelation(node: unknown): Named | null {
  const { schemaname, relname } = (node ?? {}) as { readonly schemaname?: string; readonly relname?: string }
  return relname === undefined ? null : named([schemaname, relname])
}

/** A name as a list of strings; null where it is none. */
export function namedByStrings(items: unknown): Named | null {
  if (!Array.isArray(items)) return null
  return named(items.map((one: { readonly String?: { readonly sval?: string } }) => one.String?.sval))
}

/** How a column of a thing is found again. */
export function columnKey({ key }: Named, column: unknown): string {
  return `${key} ${String(column)}`
}

/** Notes what a statement makes, temporary things and columns too, and the new name of what the file has made. */
export function noteMade(made: Set<string>, kind: string, node: Node): void {
  // It may have been there.
  if (node['if_not_exists'] === true) return
  const into = (node['into'] ?? node['intoClause']) as Node | undefined
  const one =
    kind === 'CreateStmt' ? namedRelation(node['relation'])
    : kind === 'ViewStmt' ? namedRelation(node['view'])
    : kind === 'CreateSeqStmt' ? namedRelation(node['sequence'])
    : kind === 'CreateTableAsStmt' || kind === 'SelectStmt' ? namedRelation(into?.['rel'])
    : kind === 'CreateForeignTableStmt' ? namedRelation((node['base'] as Node | undefined)?.['relation'])
    : kind === 'CompositeTypeStmt' ? namedRelation(node['typevar'])
    : kind === 'CreateEnumStmt' || kind === 'CreateRangeStmt' ? namedByStrings(node['typeName'])
    : kind === 'CreateDomainStmt' ? namedByStrings(node['domainname'])
    : kind === 'CreateSchemaStmt' ? namedSchema(node['schemaname'])
    : null // prettier-ignore
  if (one) made.add(one.key)
  else if (kind === 'RenameStmt') noteRenamed(made, node)
  else if (kind === 'AlterTableStmt') noteColumns(made, node)
}

function noteRenamed(made: Set<string>, { relation, newname, renameType }: Node): void {
  const { schemaname, relname } = (relation ?? {}) as { readonly schemaname?: string; readonly relname?: string }
  const [before, after] = [named([schemaname, relname]), named([schemaname, String(newname)])]
  if (before && after && made.has(before.key) && renameType !== 'OBJECT_COLUMN') made.add(after.key)
}

function noteColumns(made: Set<string>, node: Node): void {
  const table = namedRelation(node['relation'])
  const commands = (node['cmds'] ?? []) as readonly { readonly AlterTableCmd?: Node }[]
  for (const { AlterTableCmd: one } of commands) {
    const { ColumnDef } = (one?.['def'] ?? {}) as { readonly ColumnDef?: { readonly colname?: string } }
    if (table && one?.['subtype'] === 'AT_AddColumn' && one['missing_ok'] !== true)
      made.add(columnKey(table, ColumnDef?.colname))
  }
}
