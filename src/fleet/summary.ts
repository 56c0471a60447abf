import type { Failure, Place, Problem } from '../errors.ts'

/** Failures that are the same but for whom they met. */
export interface FailureGroup {
  readonly example: Failure
  /** Set where they have only their code in common. */
  readonly isMixed?: true
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
const groupsShown = 20
// Errors of which no two are alike, with a value of each tenant in them, say: a fleet of thousands would fill the memory.
const groupsKept = 100
/** These name the sessions in the way, with their pids, which are not what went wrong. */
const namesSessions: ReadonlySet<string> = new Set(['BUSY', 'LOCKED'])

export function emptySummary(): Summary {
  return { done: 0, nothing: 0, failed: 0, notTried: 0, groups: new Map() }
}

/** Adds one that failed; `own` are the words that stand for this tenant alone. */
export function addFailure(summary: Summary, name: string, failure: Failure, own: readonly string[]): void {
  summary.failed += 1
  const { sqlstate = '', place, list = [], problems = [] } = failure.facts
  const lines = [...(namesSessions.has(failure.code) ? [] : list), ...problems.map(tellProblem)]
  const said = [reasonOf(failure), ...lines].map((text) => without(text, own))
  const exact = JSON.stringify([failure.code, sqlstate, at(place), ...said])
  const isMixed = !summary.groups.has(exact) && summary.groups.size >= groupsKept
  const key = isMixed ? failure.code : exact
  const group = summary.groups.get(key) ?? { example: failure, count: 0, names: [], ...(isMixed ? { isMixed } : {}) }
  group.count += 1
  if (group.names.length < namesShown) group.names.push(name)
  summary.groups.set(key, group)
}

function at(place: Place | undefined): string {
  return place === undefined ? '' : `${place.file}:${place.line}`
}

function tellProblem({ what, place }: Problem): string {
  return place === undefined ? what : `${at(place)}: ${what}`
}

/** A text without the words that stand for one tenant alone, so that the same error reads the same. */
export function without(text: string, own: readonly string[]): string {
  // A pattern takes longer to make than most texts to search.
  const found = own.filter((word) => word !== '' && text.includes(word))
  const longestFirst = found.sort((a, b) => b.length - a.length)
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
  const why = facts.reason ?? facts.problems?.slice(0, 1).map(tellProblem)[0]
  return why === undefined ? message : `${message}: ${why}`
}

/** The groups, the largest first: who and what, with place and advice of one of them. */
export function tellGroups({ groups }: Summary): Problem[] {
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count)
  const left = sorted.slice(groupsShown)
  const failed = left.reduce((sum, { count }) => sum + count, 0)
  const rest = `${failed} × other failures, of ${left.length} kinds: upfront fleet status --json names them all`
  return [
    ...sorted.slice(0, groupsShown).map(({ example, count, names, isMixed }) => {
      const { code, facts } = example
      const state = facts.sqlstate === undefined ? '' : ` ${facts.sqlstate}`
      // Who it was comes before the reason, which may be long.
      const why = facts.reason === undefined ? '' : `: ${facts.reason}`
      const alike = isMixed ? ', each in other words, such as' : ''
      const head = `${count} × ${code}${state}${alike} ${example.message} (${nameSome(names.toSorted(), count)})${why}`
      const { place, next = facts.problems?.[0]?.next } = facts
      return {
        what: [head, ...tellExample(example)].join('\n'),
        ...(place === undefined ? {} : { place }),
        ...(next === undefined ? {} : { next }),
      }
    }),
    ...(left.length > 0 ? [{ what: rest }] : []),
  ]
}

/** The first few names, and how many more there are. */
export function nameSome(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, namesShown)
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`
}

function tellExample({ facts: { detail, hint, list: own = [], problems = [] } }: Failure): string[] {
  const list = [...own, ...problems.map(tellProblem)]
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
  return [...groups.values()].map(({ example, count, names, isMixed = false }) => ({
    count,
    alike: !isMixed,
    code: example.code,
    sqlstate: example.facts.sqlstate ?? null,
    message: example.message,
    reason: example.facts.reason ?? null,
    list: [...(example.facts.list ?? []), ...(example.facts.problems ?? []).map(tellProblem)],
    names,
  }))
}
