import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'

/** Whether a statement changes what a backslash means in the strings behind it: `plain` is what this compiler reads. */
export function stringsBehind(kind: string, node: Node, sql: string): 'plain' | 'escaped' | null {
  if (!/standard_conforming_strings/i.test(sql)) return null
  if (kind === 'VariableSetStmt') return isOn(JSON.stringify(node['args'] ?? null)) ? 'plain' : 'escaped'
  if (kind === 'DoStmt' || kind === 'CallStmt') return 'escaped'
  const set = /set_config\s*\(\s*'standard_conforming_strings'\s*,\s*('\w*')?/i.exec(sql)
  if (kind !== 'SelectStmt' || !set) return null
  return isOn(set[1] ?? '') ? 'plain' : 'escaped'
}

function isOn(value: string): boolean {
  return /["'](on|true|yes|1|t)["']|"(ival|boolval)":(1|true)/i.test(value)
}

/** Strings that would end elsewhere for the server than for this compiler. */
export function refuseEscapes(place: Place): Problem {
  return finding(
    'string-escapes',
    "standard_conforming_strings = off, and behind it a backslash: where a string '...' ends would be another question",
    place,
    "Remove it, and write strings in which a backslash is an escape as E'...'.",
  )
}
