import type { Place, Problem } from '../errors.ts'
import type { Event } from '../events.ts'
import type { Line } from './line.ts'
import { namePlace, showPlace } from './place.ts'
import { printable, printableLines } from './printable.ts'
import type { Redact } from './redact.ts'
import { stackOf } from './stack.ts'

/** The event of a run that ends badly. */
export type Failed = Extract<Event, { type: 'failed' }>

const namesInOneLine = 10
const linesOfList = 100

/** A failure for people: what, where, why, what next; its last line is the whole story in short. */
export function describeFailure(event: Failed, redact: Redact): Line[] {
  const { failure } = event
  const [sentence = '', ...more] = printableLines(redact(failure.message))
  const body = [...more.map(indent), ...describeFacts(event, redact)]
  const summary = { verb: 'failed', text: summarize(event, redact) }
  if (body.length === 0) return [summary]
  const head = { verb: 'error', text: `${sentence} (${failure.code}, exit ${failure.exitCode})` }
  return [head, ...body.map((text) => ({ text })), summary]
}

/** A failure in one line: `22 FAILED: 0003_documents failed and was rolled back; 2 applied, 4 not run`. */
export function summarize({ failure, applied, notRun }: Failed, redact: Redact): string {
  const [sentence = ''] = printableLines(redact(failure.message))
  const counts = applied.length + notRun.length > 0 ? `; ${applied.length} applied, ${notRun.length} not run` : ''
  return `${failure.exitCode} ${failure.code}: ${sentence.replace(/\.$/, '')}${counts}`
}

/** Postgres' or the system's own words, with the SQLSTATE when there is one. */
export function nameReason({ failure }: Failed): string | undefined {
  const { sqlstate, reason } = failure.facts
  if (sqlstate === undefined) return reason === undefined ? undefined : `reason: ${reason}`
  return reason === undefined ? `ERROR ${sqlstate}` : `ERROR ${sqlstate}: ${reason}`
}

/** Names joined by commas, the first ten of them. */
export function joinNames(names: readonly string[]): string {
  const more = names.length - namesInOneLine
  return names.slice(0, namesInOneLine).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function describeFacts(event: Failed, redact: Redact): string[] {
  const { failure, applied, notRun } = event
  const { place, detail, hint, where, next, problems = [], list = [] } = failure.facts
  const paragraph = (text: string | undefined, label = '') => describeParagraph(text, label, redact)
  const names = (of: readonly string[]) => joinNames(of.map((name) => printable(redact(name))))
  return [
    ...(place === undefined ? [] : [namePlace(place, redact), ...snippet(place, redact)]),
    ...paragraph(nameReason(event)),
    ...paragraph(detail, 'detail: '),
    ...paragraph(hint, 'hint: '),
    ...paragraph(where, 'context: '),
    ...list.slice(0, linesOfList).map((item) => `- ${printable(redact(item))}`),
    ...(list.length > linesOfList ? [`- and ${list.length - linesOfList} more`] : []),
    ...problems.flatMap((problem) => describeProblem(problem, redact)),
    ...(failure.code === 'INTERNAL' ? printableLines(redact(stackOf(failure))) : []),
    ...paragraph(next, 'next: '),
    ...(applied.length > 0 ? [`applied: ${names(applied)}`] : []),
    ...(notRun.length > 0 ? [`not run: ${names(notRun)}`] : []),
  ]
}

function describeProblem({ what, place, next }: Problem, redact: Redact): string[] {
  const label = place === undefined ? '- ' : `${namePlace(place, redact)}: `
  return [
    ...describeParagraph(what, label, redact),
    ...(place === undefined ? [] : snippet(place, redact)),
    ...describeParagraph(next, 'next: ', redact).map(indent),
  ]
}

function describeParagraph(text: string | undefined, label: string, redact: Redact): string[] {
  if (text === undefined || text.trim() === '') return []
  const [first = '', ...more] = printableLines(redact(text))
  return [label + first, ...more.map(indent)]
}

function snippet(place: Place, redact: Redact): string[] {
  return showPlace(place, redact).map(indent)
}

function indent(line: string): string {
  return line === '' ? '' : `  ${line}`
}
