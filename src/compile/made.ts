import type { StatedIndex } from '../migrations/migration.ts'
import type { Node } from './parser.ts'

interface RangeVar {
  readonly schemaname?: string
  readonly relname?: string
  readonly relpersistence?: string
}

/** The relation that a statement creates, as written; temporary ones do not count. */
export function createdRelations(stmt: Readonly<Record<string, unknown>>): string[] {
  const [kind, node] = Object.entries(stmt)[0] as [string, Record<string, unknown>]
  const relation =
    kind === 'CreateStmt' ? node['relation']
    : kind === 'ViewStmt' ? node['view']
    : kind === 'CreateSeqStmt' ? node['sequence']
    : kind === 'CreateTableAsStmt' ? (node['into'] as { rel?: unknown }).rel
    : kind === 'CreateForeignTableStmt' ? (node['base'] as { relation?: unknown }).relation
    : undefined // prettier-ignore
  const { schemaname, relname, relpersistence } = (relation ?? {}) as RangeVar
  if (!relname || relpersistence === 't') return []
  return [schemaname ? `${quote(schemaname)}.${quote(relname)}` : quote(relname)]
}

function quote(identifier: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(identifier) ? identifier : `"${identifier.replaceAll('"', '""')}"`
}

/** What a `create index` says it makes. */
export function statedIndex(node: Node): StatedIndex {
  const { schemaname, relname = '' } = node['relation'] as RangeVar
  const parameters = (node['indexParams'] ?? []) as readonly { readonly IndexElem: { readonly name?: string } }[]
  return {
    name: (node['idxname'] as string | undefined) ?? null,
    schema: schemaname ?? null,
    table: relname,
    unique: node['unique'] === true,
    method: (node['accessMethod'] as string | undefined) ?? 'btree',
    columns: parameters.map(({ IndexElem }) => IndexElem.name ?? null),
    partial: node['whereClause'] !== undefined,
  }
}
