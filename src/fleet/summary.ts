import type { Failure, Problem } from '../errors.ts'

/** Failures that are the same but for whom they met. */
export interface FailureGroup {
  readonly example: Failure
  count: number
  /** The first few. */
  readonly names: string[]
}

/** What became of a fleet. */
export interface Summary {
  done: number
  nothing: number
  failed: number
  notTried: number
  readonly groups: Map<string, FailureGroup>
}

/** So many names say who it was; whoever wants all of them asks the ledger. */
export const namesShown = 5
const linesShown = 10
const mostGroups = 200
const groupsShown = 20

export function emptySummary(): Summary {
  return { done: 0, nothing: 0, failed: 0, notTried: 0, groups: new Map() }
}

/** Adds one that failed; `own` are the words that stand for this tenant alone. */
export function addFailure(summary: Summary, name: string, failure: Failure, own: readonly string[]): void {
  summary.failed += 1
  const { sqlstate = '', place, list = [] } = failure.facts
  const at = place === undefined ? '' : `${place.file}:${place.line}`
  const kind = [failure.code, sqlstate, at]
  const exact = JSON.stringify([...kind, ...[reasonOf(failure), ...list].map((text) => without(text, own))])
  // Where every tenant has words of its own, a hundred thousand examples would be the memory of the run.
  const key = summary.groups.has(exact) || summary.groups.size < mostGroups ? exact : JSON.stringify(kind)
  const group = summary.groups.get(key) ?? { example: failure, count: 0, names: [] }
  group.count += 1
  if (group.names.length < namesShown) group.names.push(name)
  summary.groups.set(key, group)
}

/** A text without the words that stand for one tenant alone, so that the same error reads the same. */
export function without(text: string, own: readonly string[]): string {
  const longestFirst = own.filter((word) => word !== '').sort((a, b) => b.length - a.length)
  return longestFirst.reduce((left, word) => left.replace(alone(word), '…'), text).replace(address, '…')
}

/** What a host's name stands for; a server's is as much its own as its name. */
const address = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g

/** Not within another word, because a tenant may be called 1, or a. */
function alone(word: string): RegExp {
  const escaped = word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  return new RegExp(`(?<![\\p{L}\\p{M}\\p{N}_])${escaped}(?![\\p{L}\\p{M}\\p{N}_])`, 'gu')
}

/** What happened and why, in one line. */
export function reasonOf({ message, facts }: Failure): string {
  return facts.reason === undefined ? message : `${message}: ${facts.reason}`
}

/** The groups, the largest first: who and what, with place and advice of one of them. */
export function tellGroups({ groups }: Summary): Problem[] {
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count)
  const rest = sorted.slice(groupsShown)
  const tenants = rest.reduce((sum, { count }) => sum + count, 0)
  const more = `and ${rest.length} more errors of ${tenants} tenants: upfront fleet status has all of them`
  return [...sorted.slice(0, groupsShown).map(tellGroup), ...(rest.length === 0 ? [] : [{ what: more }])]
}

function tellGroup({ example, count, names }: FailureGroup): Problem {
  const { code, facts } = example
  const state = facts.sqlstate === undefined ? '' : ` ${facts.sqlstate}`
  // Who it was comes before the reason, which may be long.
  const why = facts.reason === undefined ? '' : `: ${facts.reason}`
  const head = `${count} × ${code}${state} ${example.message} (${nameSome(names.toSorted(), count)})${why}`
  const { place, next } = facts
  return {
    what: [head, ...tellExample(example)].join('\n'),
    ...(place === undefined ? {} : { place }),
    ...(next === undefined ? {} : { next }),
  }
}

/** The first few names, and how many more there are. */
export function nameSome(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, namesShown)
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`
}

function tellExample({ facts: { detail, hint, list = [] } }: Failure): string[] {
  return [
    ...(detail === undefined ? [] : [`detail: ${detail}`]),
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ...list.slice(0, linesShown).map((line) => `- ${line}`),
    ...(list.length > linesShown ? [`- and ${list.length - linesShown} more`] : []),
  ]
}

/** The counts as one line. */
export function tellCounts({ done, nothing, failed, notTried }: Summary): string {
  return `${done} done, ${nothing} with nothing to do, ${failed} failed, ${notTried} not tried`
}

/** The groups as data. */
export function groupsAsData({ groups }: Summary): readonly object[] {
  return [...groups.values()].map(({ example, count, names }) => ({
    count,
    code: example.code,
    sqlstate: example.facts.sqlstate ?? null,
    message: example.message,
    reason: example.facts.reason ?? null,
    list: example.facts.list ?? [],
    names,
  }))
}
