import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'

/** A statement that Postgres refuses inside a transaction. */
export interface AloneStatement {
  readonly name: string
  readonly place: Place
  /** Which statement of the file, from 0. */
  readonly statement: number
}

/**
 * The name of a statement that Postgres refuses inside a transaction (25001), null for any other. Measured on Postgres
 * 15 to 18, not taken from folklore: ANALYZE, REFRESH MATERIALIZED VIEW CONCURRENTLY and ALTER TYPE ADD VALUE are fine.
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
    case 'AlterSubscriptionStmt':
      return refreshes(node) ? 'ALTER SUBSCRIPTION ... REFRESH' : null
    default:
      return null
  }
}

/**
 * Statements that Postgres refuses there only sometimes, depending on the catalog: a REINDEX or CLUSTER of a
 * partitioned table, a subscription with a slot, a procedure that commits. We refuse none, and run them outside a
 * transaction where the file allows that.
 */
export function mayBeAlone(kind: string, isWholeFile: boolean): boolean {
  if (kind === 'DropSubscriptionStmt') return true
  return !isWholeFile && (kind === 'ReindexStmt' || kind === 'ClusterStmt' || kind === 'CallStmt')
}

/** One of several statements in a file that runs in a transaction. */
export function refuseAlone({ name, place }: Pick<AloneStatement, 'name' | 'place'>): Problem {
  return finding(
    'alone',
    `${name} cannot run inside a transaction, and this file runs as one`,
    place,
    'Put it into a file of its own, or begin the file with the comment "-- upfront:no-transaction".',
  )
}

const wholes: Readonly<Record<string, string>> = { seed: 'a seed', verify: 'an assertion' }

/** Seeds, repeatable migrations and assertions always run in a transaction. */
export function refuseAloneInWhole({ name, place }: Pick<AloneStatement, 'name' | 'place'>, role: string): Problem {
  const what = `${name} cannot run inside a transaction, and ${wholes[role] ?? 'a repeatable migration'} runs as one`
  return finding('alone', what, place, 'Make it a migration.')
}

/** A DO that commits can stop half way, so it may run only in a file that says so. */
export function refuseCommitInDo(place: Place): Problem {
  return finding(
    'alone',
    'a COMMIT or ROLLBACK in a DO cannot run inside a transaction, and this file runs as one',
    place,
    'Remove it, or begin the file with the comment "-- upfront:no-transaction".',
  )
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

/** All forms that change the list of publications refresh, unless they say not to. */
function refreshes(node: Node): boolean {
  const kind = String(node['kind'])
  if (kind === 'ALTER_SUBSCRIPTION_REFRESH') return true
  return /_(SET|ADD|DROP)_PUBLICATION$/.test(kind) && !isOff(node, 'refresh')
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
  return option !== undefined && /"(false|off|0)"|"ival":0|"Integer":\{\}/i.test(JSON.stringify(option.arg ?? ''))
}

function list(value: unknown): readonly Node[] {
  return Array.isArray(value) ? (value as Node[]) : []
}
