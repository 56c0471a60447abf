import type { StatedTarget } from '../migration.ts'
import type { Node } from './parser.ts'

interface RangeVar {
  readonly schemaname?: string
  readonly relname?: string
}

/**
 * The object that a statement outside a transaction may leave half done; an index that it creates is not among these.
 */
export function statedTarget(kind: string, node: Node): StatedTarget | undefined {
  switch (kind) {
    case 'DropStmt': {
      const [first] = node['objects'] as readonly { List?: { items: readonly { String: { sval: string } }[] } }[]
      const [name = null, schema = null] = (first?.List?.items ?? []).map(({ String }) => String.sval).reverse()
      return { action: 'drop index', object: 'INDEX', schema, name }
    }
    case 'ReindexStmt':
      return { action: 'reindex', ...objectOf(node) }
    case 'AlterTableStmt': {
      const [one] = node['cmds'] as readonly { AlterTableCmd: { def?: { PartitionCmd?: { name: RangeVar } } } }[]
      const partition = one?.AlterTableCmd.def?.PartitionCmd?.name
      if (!partition) return undefined
      return {
        action: 'detach',
        object: 'TABLE',
        ...nameOf(node['relation'] as RangeVar),
        partition: nameOf(partition),
      }
    }
    case 'DropdbStmt':
      return { action: 'drop database', object: 'DATABASE', schema: null, name: String(node['dbname']) }
    default:
      return undefined
  }
}

function objectOf(node: Node): Pick<StatedTarget, 'object' | 'schema' | 'name'> {
  const found = /REINDEX_OBJECT_(INDEX|TABLE|SCHEMA)/.exec(String(node['kind']))?.[1] as 'INDEX' | 'TABLE' | 'SCHEMA'
  if (found === 'INDEX' || found === 'TABLE') return { object: found, ...nameOf(node['relation'] as RangeVar) }
  const name = (node['name'] as string | undefined) ?? null
  return { object: found ?? 'DATABASE', schema: null, name }
}

function nameOf({ schemaname = '', relname = '' }: RangeVar): { schema: string | null; name: string } {
  return { schema: schemaname || null, name: relname }
}
