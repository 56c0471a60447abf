/** A node of the parse tree, as libpg-query gives it. */
export type Node = Readonly<Record<string, unknown>>

/**
 * What a statement is called that Postgres refuses inside a transaction (25001), null for all others. Measured on
 * Postgres 15 to 18, not taken from folklore: ANALYZE, REFRESH MATERIALIZED VIEW CONCURRENTLY and ALTER TYPE ADD VALUE
 * are fine. What depends on the catalog (REINDEX of a partitioned table, DROP SUBSCRIPTION with a slot) is not here.
 */
export function aloneName(kind: string, node: Node): string | null {
  switch (kind) {
    case 'IndexStmt':
      return node['concurrent'] ? 'CREATE INDEX CONCURRENTLY' : null
    case 'DropStmt':
      return node['concurrent'] ? 'DROP INDEX CONCURRENTLY' : null
    case 'ReindexStmt':
      return reindexName(node)
    case 'VacuumStmt':
      return node['is_vacuumcmd'] ? 'VACUUM' : null
    case 'ClusterStmt':
      return node['relation'] ? null : 'CLUSTER without a table'
    case 'CreatedbStmt':
      return 'CREATE DATABASE'
    case 'DropdbStmt':
      return 'DROP DATABASE'
    case 'AlterDatabaseStmt':
      return optionOf(node, 'tablespace') ? 'ALTER DATABASE SET TABLESPACE' : null
    case 'CreateTableSpaceStmt':
      return 'CREATE TABLESPACE'
    case 'DropTableSpaceStmt':
      return 'DROP TABLESPACE'
    case 'AlterSystemStmt':
      return 'ALTER SYSTEM'
    case 'AlterTableStmt':
      return detachesConcurrently(node) ? 'DETACH PARTITION CONCURRENTLY' : null
    case 'CreateSubscriptionStmt':
      return isOff(node, 'create_slot') || isOff(node, 'connect') ? null : 'CREATE SUBSCRIPTION'
    default:
      return null
  }
}

function reindexName(node: Node): string | null {
  const wide = /REINDEX_OBJECT_(SCHEMA|SYSTEM|DATABASE)/.exec(String(node['kind']))
  if (wide) return `REINDEX ${wide[1]!}`
  return optionOf(node, 'concurrently', 'params') ? 'REINDEX CONCURRENTLY' : null
}

function detachesConcurrently(node: Node): boolean {
  return list(node['cmds']).some((one) => {
    const command = one['AlterTableCmd'] as Node | undefined
    const definition = command?.['def'] as { PartitionCmd?: { concurrent?: boolean } } | undefined
    return command?.['subtype'] === 'AT_DetachPartition' && definition?.PartitionCmd?.concurrent === true
  })
}

interface DefElem {
  readonly defname?: string
  readonly arg?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

function optionOf(node: Node, name: string, where = 'options'): DefElem | undefined {
  return list(node[where])
    .map((one) => one['DefElem'] as DefElem)
    .find((one) => one?.defname === name)
}

function isOff(node: Node, name: string): boolean {
  const option = optionOf(node, name)
  return option !== undefined && /false|off|"0"|:0|no\b/i.test(JSON.stringify(option.arg ?? ''))
}

function list(value: unknown): readonly Node[] {
  return Array.isArray(value) ? (value as Node[]) : []
}
