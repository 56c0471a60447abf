import { durationExample, parseDuration } from '../../config/duration.ts'
import { nearest } from '../../config/nearest.ts'
import type { Place, Problem } from '../../errors.ts'
import { findNearMark } from '../../sql/contract-mark.ts'
import { type Directive, type DirectiveName, directives, isLimit } from '../directives.ts'
import { finding } from '../finding.ts'

/** Directives that would have no effect as written, because ignoring them would be worse than refusing the file. */
export function checkDirectives(found: readonly Directive[], placeOf: (offset: number) => Place): Problem[] {
  return found.flatMap(({ name, value, offset, leading }, number) => {
    const refuse = (what: string, next: string) => [finding('directive', what, placeOf(offset), next)]
    if (!isKnown(name)) {
      // What stands between statements may be prose.
      if (!leading) return []
      const meant = nearest(name, Object.keys(directives))
      const next = meant ? `Did you mean "-- upfront:${meant}"?` : `There are ${Object.keys(directives).join(', ')}.`
      return refuse(`there is no directive "-- upfront:${name}"`, next)
    }
    if (name === 'down') return []
    if (!leading)
      return refuse(`"-- upfront:${name}" has no effect behind the first statement`, 'Begin the file with it.')
    if (name === 'contract' && offset > farthest)
      return refuse('"-- upfront:contract" has no effect so far behind the beginning', 'Begin the file with it.')
    if (directives[name] === '' && value !== '')
      return refuse(
        `"-- upfront:${name}" takes nothing behind it`,
        `Remove "${value}", or put it into a comment of its own.`,
      )
    if (!isLimit(name)) return []
    const ms = parseDuration(value)
    if (typeof ms === 'string')
      return refuse(`"-- upfront:${name} ${value}": the value ${ms}`, `Write one as ${durationExample}.`)
    const isSaidBefore = found.slice(0, number).some((other) => other.name === name)
    return isSaidBefore ? refuse(`"-- upfront:${name}" is said twice`, 'Keep one of them.') : []
  })
}

/** Of a file's beginning, 64 KiB are read to see whether it waits. */
const farthest = (64 << 10) / 3 - 100

/** What was meant to be the mark of a contract migration: passed over, it would run at once. */
export function refuseNearMark(text: string, placeOf: (offset: number) => Place): Problem[] {
  const at = findNearMark(text)
  if (at === null) return []
  const what = 'this comment is not "-- upfront:contract", although it nearly is'
  return [finding('directive', what, placeOf(at), 'Write it so, or word it otherwise.')]
}

/** What runs again whenever it has changed, and seeds, wait for nothing. */
export function refuseWaiting(found: readonly Directive[], placeOf: (offset: number) => Place): Problem[] {
  return found
    .filter(({ name, leading }) => leading && name === 'contract')
    .map(({ offset }) => {
      const what = '"-- upfront:contract" has no effect here: only migrations that run once can wait'
      return finding('directive', what, placeOf(offset), 'Put what has to wait into a migration, or remove it.')
    })
}

/** A down that would run with the rest: a well-formed one is not in this text any more, and seeds have none. */
export function refuseStrayDowns(
  found: readonly Directive[],
  isSeed: boolean,
  placeOf: (offset: number) => Place,
): Problem[] {
  const next = isSeed
    ? 'Remove it and what follows.'
    : 'Put "-- upfront:down" at the beginning of a line of its own, with nothing behind it.'
  return found
    .filter(({ name }) => name === 'down')
    .map(({ offset }) => finding('directive', 'what follows would run with the rest', placeOf(offset), next))
}

/** An assertion runs as its migration does, with the same limits. */
export function refuseAllButAllow(found: readonly Directive[], placeOf: (offset: number) => Place): Problem[] {
  return found
    .filter(({ name, leading }) => leading && isKnown(name) && name !== 'allow' && name !== 'down')
    .map(({ name, offset }) => {
      const what = `"-- upfront:${name}" has no effect in an assertion, which runs as its migration does`
      return finding('directive', what, placeOf(offset), 'Put it into the migration, or remove it.')
    })
}

function isKnown(name: string): name is DirectiveName {
  return Object.hasOwn(directives, name)
}
