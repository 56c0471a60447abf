import type { Problem } from '../errors.ts'
import { contractDir } from '../sql/contract-mark.ts'
import { placesIn } from '../sql/position.ts'
import { finding } from './finding.ts'

/** The mark in a comment of a module, where nobody reads it: passed over, the module would run at once. */
export function refuseStrayMark(file: string, text: string): Problem | null {
  const at = file.startsWith(contractDir)
    ? -1
    : text.search(/^[ \t]*[-/*][-/* \t]*upfront[ \t]*:+[ \t]*contract[ \t]*[;.,]?[ \t]*(\*\/[ \t]*)?$/im)
  if (at === -1) return null
  const next = `Move it to ${contractDir}, or remove the comment.`
  return finding('directive', '"-- upfront:contract" has no effect in a module', placesIn(file, text)(at), next)
}
