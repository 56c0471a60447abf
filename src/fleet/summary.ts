import type { Failure } from '../errors.ts'

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

const namesShown = 5

export function emptySummary(): Summary {
  return { done: 0, nothing: 0, failed: 0, notTried: 0, groups: new Map() }
}

/** Adds one that failed; `own` are the words that stand for this tenant alone. */
export function addFailure(summary: Summary, name: string, failure: Failure, own: readonly string[]): void {
  summary.failed += 1
  const { sqlstate = '', place } = failure.facts
  const plain = (text: string | undefined) => own.reduce((left, word) => left.replaceAll(word, '…'), text ?? '')
  const at = place === undefined ? '' : `${place.file}:${place.line}`
  const key = JSON.stringify([failure.code, sqlstate, at, plain(failure.message), plain(failure.facts.reason)]) // prettier-ignore
  const group = summary.groups.get(key) ?? { example: failure, count: 0, names: [] }
  group.count += 1
  if (group.names.length < namesShown) group.names.push(name)
  summary.groups.set(key, group)
}

/** The groups as lines, the largest first. */
export function tellGroups({ groups }: Summary): string[] {
  return [...groups.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ example: { code, message, facts }, count, names }) => {
      const more = count > names.length ? ` and ${count - names.length} more` : ''
      const state = facts.sqlstate === undefined ? '' : ` ${facts.sqlstate}`
      const reason = facts.reason === undefined ? '' : `: ${facts.reason}`
      return `${count} × ${code}${state} ${message}${reason} (${names.join(', ')}${more})`
    })
}

/** The counts as one line. */
export function tellCounts({ done, nothing, failed, notTried }: Summary): string {
  return `${done} done, ${nothing} with nothing to do, ${failed} failed, ${notTried} not tried`
}
