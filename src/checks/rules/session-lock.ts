import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'

/** What would give away the session's advisory lock, and with it the promise that nobody else migrates. */
export function refuseUnlock(kind: string, node: Node, sql: string, place: Place): Problem[] {
  const next = 'Remove it: the lock that keeps other runners away is on this session.'
  if (kind === 'DiscardStmt' && node['target'] === 'DISCARD_ALL') {
    return [finding('session-lock', 'DISCARD ALL releases the lock of this run', place, next)]
  }
  if (!/pg_advisory_unlock_all/i.test(sql) || !callsNow(kind, node)) return []
  return [finding('session-lock', 'pg_advisory_unlock_all() releases the lock of this run', place, next)]
}

/** Whether the call happens when the statement runs, and not in the body of a function that it only creates. */
function callsNow(kind: string, node: Node): boolean {
  const json = JSON.stringify(node)
  if (kind === 'DoStmt') return /pg_advisory_unlock_all\s*\(/i.test(json)
  if (kind === 'CreateFunctionStmt' || kind === 'ViewStmt' || kind === 'RuleStmt') return false
  return /"FuncCall":\{"funcname":\[(?:\{"String":\{"sval":"pg_catalog"\}\},)?\{"String":\{"sval":"pg_advisory_unlock_all"/.test(
    json,
  )
}
