import type { Problem } from '../errors.ts'
import type { Catalog } from './catalog.ts'
import { refuseBesideCopy, refuseCopy } from './checks/copy-data.ts'
import { largestJoined } from './checks/joinable.ts'
import { type LongName, refuseLongNames } from './checks/long-name.ts'
import { isSkipped, refuseMetaCommand } from './checks/meta-command.ts'
import { explainSyntax, placer } from './checks/syntax.ts'
import { type Role, conclude, inspect, openInspection } from './inspect.ts'
import { longNamesOf } from './names-in-bodies.ts'
import { wholeWindow } from './lex/window.ts'
import { type ParsedStatement, byteOffsets, parse } from './parser.ts'
import { isMarked } from './marker.ts'
import type { TextLayout } from './script.ts'
import { type SplitStatement, split } from './split.ts'

/** What a text comes to: how it runs, or why it cannot. */
export interface CheckedSql {
  readonly layout: TextLayout
  readonly creates: readonly string[]
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
}

/** Checks a text that is in memory whole. */
export function checkSql(file: string, text: string, role: Role, catalog: Catalog): CheckedSql {
  const placeOf = placer(file, text)
  const found = findParts(text)
  const marked = role !== 'seed' && isMarked(text)
  const inspection = openInspection(role, marked, catalog)
  const { problems } = inspection
  for (const { start, command } of found.commands)
    if (!isSkipped(command)) problems.push(refuseMetaCommand(command, placeOf(start)))
  for (const start of found.besideCopies) problems.push(refuseBesideCopy(placeOf(start)))
  for (const { start } of found.copies) {
    if (role === 'down' || marked) problems.push(refuseCopy(role === 'down' ? 'down' : 'outside', placeOf(start)))
  }
  const blanks = [...found.commands, ...found.copies.map(({ data }) => ({ start: data[0], end: data[2] }))]
  const parsed = parseParts(blank(text, blanks), found.statements, (error, start, end, offset) =>
    problems.push(explainSyntax(error, text, start, end, offset, placeOf)),
  )
  const statements = parsed.map((one, number) =>
    inspect(inspection, { ...one, text, placeOf, number }, parsed.length === 1),
  )
  const names = found.names.map(({ start, end }): LongName => ({
    written: text.slice(start, end),
    place: placeOf(start),
  }))
  problems.push(...refuseLongNames([...names, ...longNamesOf(parsed, text, placeOf)]))
  const pair = conclude(inspection, statements.length)
  const kept = pair ? statements.slice(1, -1) : statements
  const size = Buffer.byteLength(text)
  const single = kept.length === 1 && kept[0]!.alone
  const transaction = role === 'seed' || (!single && !marked)
  const layout: TextLayout = {
    transaction,
    joinable: inspection.joinable && transaction && size < largestJoined && found.copies.length === 0,
    size,
    statements: kept,
    blanks: [
      ...found.commands.map(({ start, end }) => [start, end] as const),
      ...(pair ? [statements[0]!, statements.at(-1)!].map(({ start, end }) => [start, end] as const) : []),
    ],
    copies: found.copies.map(({ statement, data }) => [statement - (pair ? 1 : 0), ...data] as const),
  }
  problems.sort(
    (a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0),
  )
  return { layout, creates: inspection.creates, problems, notices: inspection.notices }
}

interface Span {
  readonly start: number
  readonly end: number
}

interface Parts {
  readonly statements: readonly Span[]
  readonly commands: readonly (Span & { readonly command: string })[]
  readonly copies: readonly {
    readonly start: number
    readonly statement: number
    readonly data: readonly [start: number, end: number, next: number]
  }[]
  readonly besideCopies: readonly number[]
  readonly names: readonly Span[]
}

/** The parts of a text as psql sees them, in UTF-16 units. */
function findParts(text: string): Parts {
  const bytes = Buffer.from(text)
  const at = byteOffsets(text)
  const span = ({ start, end }: Span): Span => ({ start: at(start), end: at(end) })
  const parts = { statements: [] as Span[], commands: [] as Parts['commands'][number][], copies: [] as Parts['copies'][number][], besideCopies: [] as number[], names: [] as Span[] } // prettier-ignore
  let last: SplitStatement
  split(wholeWindow(bytes), {
    statement: (statement) => void parts.statements.push(span((last = statement))),
    metaCommand: (start, end) => {
      const place = span({ start, end })
      parts.commands.push({ ...place, command: text.slice(place.start, place.end) })
    },
    copyData: (start, end, next) => {
      const data = [at(start), at(end), at(next)] as const
      parts.copies.push({ start: at(last.start), statement: parts.statements.length - 1, data })
    },
    besideCopy: (start) => void parts.besideCopies.push(at(start)),
    longName: (start, end) => void parts.names.push(span({ start, end })),
  })
  return parts
}

/** The same text with white space for what is not to be seen; lines and offsets stay. */
export function blank(text: string, spans: readonly Span[]): string {
  let result = ''
  let from = 0
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ')
    from = end
  }
  return result + text.slice(from)
}

/** The statements of a text; when it is wrong each is tried by itself, so that every error is found in one go. */
function parseParts(
  text: string,
  spans: readonly Span[],
  report: (error: string, start: number, end: number, offset: number) => void,
): readonly ParsedStatement[] {
  const whole = parse(text)
  if (whole !== 'unknown' && 'statements' in whole) return whole.statements
  const wrong: Span[] = []
  const unknown: ParsedStatement[] = []
  for (const span of spans) {
    const part = parse(text.slice(span.start, span.end))
    if (part === 'unknown') unknown.push({ kind: 'Unknown', node: {}, ...span })
    else if ('error' in part) report(part.error, span.start, span.end, span.start + part.offset)
    if (part === 'unknown' || 'error' in part) wrong.push(span)
  }
  const rest = parse(blank(text, wrong))
  if (rest !== 'unknown' && 'statements' in rest)
    return [...rest.statements, ...unknown].toSorted((a, b) => a.start - b.start)
  if (wrong.length === 0 && whole !== 'unknown') report(whole.error, 0, text.length, whole.offset)
  return []
}
