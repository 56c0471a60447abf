import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { type Declared, type TypeName, isSameType, typeOf } from '../declared.ts'
import { finding } from '../finding.ts'

/** A value that a statement of this file adds to an enum that was there before. */
export interface AddedValue {
  readonly type: TypeName
  readonly value: string
  readonly line: number
}

/** What ALTER TYPE ... ADD VALUE adds, null when the value may be old, or its type is new in this very file. */
export function addedValue(kind: string, node: Node, declared: Declared, line: number): AddedValue | null {
  if (kind !== 'AlterEnumStmt' || typeof node['newVal'] !== 'string' || node['oldVal'] !== undefined) return null
  const type = typeOf(node['typeName'])
  if (type === null) return null
  const value = node['newVal']
  const known = declared.enums.get(type.name)
  // Since 17 a type of the same transaction may be used at once, and older servers say so themselves.
  if (known?.isNew) return null
  if (node['skipIfNewValExists'] && (known === undefined || known.values.has(value))) return null
  return { type, value, line }
}

/**
 * A value that is used in the transaction that added it: Postgres answers 55P04. Only what is sure counts: a cast, a
 * default of a column of that type, a column that the migrations before gave that type.
 */
export function refuseNewValues(
  added: readonly AddedValue[],
  { kind: statement, node }: { readonly kind: string; readonly node: Node },
  declared: Declared,
  placeOf: (byte: number) => Place,
): Problem[] {
  const problems: Problem[] = []
  const refuse = (constant: Constant, type: TypeName | undefined) => {
    const found = added.find((one) => one.value === constant.value && type && isSameType(one.type, type))
    if (found) problems.push(describe(found, placeOf(constant.location)))
  }
  const tables = tablesOf(node)
  const column = (name: string | undefined) =>
    tables.length === 1 && name !== undefined ? declared.columns.get(tables[0]!)?.get(name) : undefined
  visit(node, (kind, inner) => {
    if (kind === 'TypeCast') each(inner['arg'], (constant) => refuse(constant, typeOf(inner['typeName']) ?? undefined))
    if (kind === 'ColumnDef') {
      const type = typeOf(inner['typeName'])
      for (const { Constraint } of list(inner['constraints']) as readonly { readonly Constraint?: Node }[])
        each(Constraint?.['raw_expr'], (constant) => refuse(constant, type ?? undefined))
    }
    if (kind === 'AlterTableCmd' && inner['subtype'] === 'AT_ColumnDefault')
      each(inner['def'], (constant) => refuse(constant, column(String(inner['name']))))
    if (kind === 'A_Expr' && isComparison(inner)) {
      for (const [one, other] of [
        ['lexpr', 'rexpr'],
        ['rexpr', 'lexpr'],
      ] as const)
        // prettier-ignore
        each(inner[other], (constant) => refuse(constant, column(columnOf(inner[one]))))
    }
  })
  for (const one of statement === 'UpdateStmt' ? list(node['targetList']) : []) {
    const target = one['ResTarget'] as Node
    each(target['val'], (constant) => refuse(constant, column(String(target['name']))))
  }
  insertedValues(node).forEach(([name, value]) => each(value, (constant) => refuse(constant, column(name))))
  return problems
}

/** Other operators may take the constant for a text. */
function isComparison(expression: Node): boolean {
  return /^\[\{"String":\{"sval":"(=|<>|<|>|<=|>=)"\}\}\]$/.test(JSON.stringify(expression['name']))
}

interface Constant {
  readonly value: string
  readonly location: number
}

function describe({ type, value, line }: AddedValue, place: Place): Problem {
  const what = `'${value}' is used in the transaction that adds it to ${type.name} (line ${line})`
  return finding(
    'enum-value',
    what,
    place,
    'Put the use into the next migration: Postgres wants a new enum value committed first (55P04).',
  )
}

/** A string constant, or those of a list. */
function each(value: unknown, use: (constant: Constant) => void): void {
  const node = value as
    | { readonly A_Const?: { readonly sval?: { readonly sval?: string }; readonly location?: number }; readonly List?: Node } // prettier-ignore
    | undefined
  const constant = node?.A_Const?.sval?.sval
  if (constant !== undefined) use({ value: constant, location: node!.A_Const!.location ?? 0 })
  for (const item of list(node?.List?.['items'])) each(item, use)
}

/** The relations of a statement; with several a column's name says too little. */
function tablesOf(node: Node): string[] {
  const names: string[] = []
  const own = (node['relation'] as Node | undefined)?.['relname']
  if (typeof own === 'string') names.push(own)
  visit(node, (kind, inner) => {
    if (kind === 'RangeVar') names.push(String(inner['relname']))
    if (kind === 'RangeSubselect' || kind === 'RangeFunction') names.push('')
  })
  return names
}

function columnOf(value: unknown): string | undefined {
  const fields = (value as { readonly ColumnRef?: { readonly fields?: readonly Node[] } } | undefined)?.ColumnRef
    ?.fields
  return (fields?.at(-1) as { readonly String?: { readonly sval?: string } } | undefined)?.String?.sval
}

/** The values of an INSERT with a list of columns, each with its column. */
function insertedValues(node: Node): (readonly [string, unknown])[] {
  const columns = list(node['cols']).map((one) => String((one['ResTarget'] as Node | undefined)?.['name']))
  const select = (node['selectStmt'] as { readonly SelectStmt?: Node } | undefined)?.SelectStmt
  return list(select?.['valuesLists']).flatMap((row) =>
    list((row['List'] as Node | undefined)?.['items']).flatMap((value, i) =>
      columns[i] === undefined ? [] : [[columns[i], value] as const],
    ),
  )
}

/** Every node below, by its name. */
function visit(value: unknown, use: (kind: string, node: Node) => void): void {
  if (Array.isArray(value)) return value.forEach((one) => visit(one, use))
  if (typeof value !== 'object' || value === null) return
  for (const [kind, inner] of Object.entries(value)) {
    if (typeof inner !== 'object' || inner === null) continue
    if (!Array.isArray(inner)) use(kind, inner as Node)
    visit(inner, use)
  }
}

function list(value: unknown): readonly Node[] {
  return Array.isArray(value) ? (value as Node[]) : []
}
