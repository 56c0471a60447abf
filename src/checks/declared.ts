import type { Node } from '../sql/parser.ts'

/** A type as it is written; null stands for the search_path's schema. */
export interface TypeName {
  readonly schema: string | null
  readonly name: string
}

interface EnumType {
  readonly values: Set<string>
  /** Made by the file at hand. */
  isNew: boolean
}

/** What the migrations so far have made, as far as a check needs it. */
export interface Declared {
  readonly enums: Map<string, EnumType>
  /** By table and column, without schemas; a name that two schemas have is not here. */
  readonly columns: Map<string, Map<string, TypeName>>
  readonly ambiguous: Set<string>
}

export function nothingDeclared(): Declared {
  return { enums: new Map(), columns: new Map(), ambiguous: new Set() }
}

/** Begins the next file: what the last one made is old. */
export function nextFile(declared: Declared): void {
  for (const one of declared.enums.values()) one.isNew = false
}

/** Notes what a statement makes. */
export function noteDeclared(declared: Declared, kind: string, node: Node): void {
  if (kind === 'CreateEnumStmt') {
    const type = typeOf(node['typeName'])
    const values = (node['vals'] as readonly { readonly String?: { readonly sval?: string } }[] | undefined) ?? []
    if (type)
      declared.enums.set(type.name, { values: new Set(values.map(({ String }) => String?.sval ?? '')), isNew: true })
  } else if (kind === 'AlterEnumStmt') {
    const type = typeOf(node['typeName'])
    const known = type && declared.enums.get(type.name)
    if (known) known.values.add(String(node['newVal']))
  } else if (kind === 'CreateStmt') {
    const table = noteTable(declared, node['relation'])
    for (const one of list(node['tableElts'])) if (table) noteColumn(table, one['ColumnDef'] as Node | undefined)
  } else if (kind === 'AlterTableStmt') noteChanges(declared, node)
  else if (kind === 'RenameStmt') forget(declared, node)
}

/** The name of a type that a user has made; null for an array or one of Postgres' own. */
export function typeOf(value: unknown): TypeName | null {
  const typeName = value as { readonly names?: unknown; readonly arrayBounds?: unknown } | undefined
  if (!Array.isArray(value) && typeName?.arrayBounds !== undefined) return null
  const names = (Array.isArray(value) ? value : (typeName?.names ?? [])) as readonly {
    readonly String?: { readonly sval?: string }
  }[]
  const parts = names.map(({ String }) => String?.sval ?? '')
  if (parts.length === 0 || parts[0] === 'pg_catalog') return null
  return { schema: parts.length > 1 ? parts.at(-2)! : null, name: parts.at(-1)! }
}

/** Whether both may be the same, which they are when one of them leaves the schema open. */
export function isSameType(a: TypeName, b: TypeName): boolean {
  return a.name === b.name && (a.schema === null || b.schema === null || a.schema === b.schema)
}

function noteTable(declared: Declared, relation: unknown): Map<string, TypeName> | null {
  const name = String((relation as { readonly relname?: string } | undefined)?.relname)
  if (declared.columns.has(name) || declared.ambiguous.has(name)) {
    declared.ambiguous.add(name)
    declared.columns.delete(name)
    return null
  }
  const table = new Map<string, TypeName>()
  declared.columns.set(name, table)
  return table
}

function noteColumn(table: Map<string, TypeName>, column: Node | undefined): void {
  const type = typeOf(column?.['typeName'])
  const name = String(column?.['colname'])
  if (column === undefined) return
  if (type) table.set(name, type)
  else table.delete(name)
}

function noteChanges(declared: Declared, node: Node): void {
  const table = declared.columns.get(String((node['relation'] as { readonly relname?: string } | undefined)?.relname))
  if (!table) return
  for (const one of list(node['cmds'])) {
    const command = one['AlterTableCmd'] as Node | undefined
    const column = (command?.['def'] as { readonly ColumnDef?: Node } | undefined)?.ColumnDef
    if (command?.['subtype'] === 'AT_AddColumn') noteColumn(table, column)
    else if (command?.['subtype'] === 'AT_AlterColumnType') noteColumn(table, { ...column, colname: command['name'] })
    else if (command?.['subtype'] === 'AT_DropColumn') table.delete(String(command['name']))
  }
}

/** Whatever is renamed is no longer known, under its old name or its new one. */
function forget(declared: Declared, node: Node): void {
  const table = String((node['relation'] as { readonly relname?: string } | undefined)?.relname)
  if (node['subname'] !== undefined) {
    declared.columns.get(table)?.delete(String(node['subname']))
    declared.columns.get(table)?.delete(String(node['newname']))
  } else {
    for (const name of [table, String(node['newname'])]) {
      declared.columns.delete(name)
      declared.ambiguous.add(name)
    }
  }
  if (node['renameType'] === 'OBJECT_TYPE') declared.columns.clear()
}

function list(value: unknown): readonly Node[] {
  return Array.isArray(value) ? (value as Node[]) : []
}
