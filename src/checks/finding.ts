import type { Place, Problem } from '../errors.ts'

/** The rules, each a heading of docs/checks.md; those of squawk have names of their own. */
export type Rule =
  | 'syntax'
  | 'directive'
  | 'alone'
  | 'transaction-control'
  | 'session-lock'
  | 'session-state'
  | 'long-name'
  | 'meta-command'
  | 'copy-data'
  | 'encoding'
  | 'statement-size'
  | 'string-escapes'
  | 'enum-value'
  | 'function-body'
  | 'file-name'
  | 'down'
  | 'verify'
  | 'module'
  | 'needs-contract'
  | 'allow'

/** A mistake: what is wrong, where, what to do, and where that is explained. */
export function finding(rule: Rule, what: string, place: Place | undefined, next: string): Problem {
  return { what, ...(place ? { place } : {}), next: `${next} See docs/checks.md#${rule}.`, rule }
}
