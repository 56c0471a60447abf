import type { StatedIndex } from '../migration.ts'
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
  const elements = ((node['indexParams'] ?? []) as readonly { readonly IndexElem: IndexElement }[]).map(
    ({ IndexElem }) => IndexElem,
  )
  return {
    name: (node['idxname'] as string | undefined) ?? null,
    schema: schemaname ?? null,
    table: relname,
    unique: node['unique'] === true,
    method: (node['accessMethod'] as string | undefined) ?? 'btree',
    columns: elements.map(({ name }) => name ?? null),
    partial: node['whereClause'] !== undefined,
    plain: further.every((clause) => !node[clause]) && elements.every(isPlain),
  }
}

interface IndexElement {
  readonly name?: string
  readonly collation?: unknown
  readonly opclass?: unknown
  readonly ordering?: string
  readonly nulls_ordering?: string
}

/** What else a statement may say of an index. */
const further = ['whereClause', 'indexIncludingParams', 'options', 'tableSpace', 'nulls_not_distinct']

function isPlain({ name, collation, opclass, ordering = '', nulls_ordering: nulls = '' }: IndexElement): boolean {
  const isUsual = /^(SORTBY_(DEFAULT|ASC))?$/.test(ordering) && /^(SORTBY_NULLS_DEFAULT)?$/.test(nulls)
  return name !== undefined && !collation && !opclass && isUsual
}
