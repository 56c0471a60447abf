import { wholeWindow } from './lex/window.ts'
import { byteOffsets } from './parser.ts'
import { type SplitStatement, split } from './split.ts'

/** From here to there, in UTF-16 units. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The parts of a text: its statements, and what only psql understands. */
export interface Segments {
  readonly statements: readonly Span[]
  readonly commands: readonly (Span & { readonly command: string; readonly between: boolean })[]
  readonly copies: readonly {
    readonly start: number
    readonly statement: number
    readonly data: readonly [start: number, end: number, next: number]
  }[]
  readonly besideCopies: readonly number[]
  readonly names: readonly Span[]
}

/** The parts of a text as psql sees them, in UTF-16 units. */
export function findSegments(text: string): Segments {
  const bytes = Buffer.from(text)
  const at = byteOffsets(text)
  const span = ({ start, end }: Span): Span => ({ start: at(start), end: at(end) })
  const parts = { statements: [] as Span[], commands: [] as Segments['commands'][number][], copies: [] as Segments['copies'][number][], besideCopies: [] as number[], names: [] as Span[] } // prettier-ignore
  let last: SplitStatement
  split(wholeWindow(bytes), {
    statement: (statement) => void parts.statements.push(span((last = statement))),
    metaCommand: (start, end, between) => {
      const place = span({ start, end })
      parts.commands.push({ ...place, command: text.slice(place.start, place.end), between })
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

/** The text with white space in place of these spans; lines and offsets stay. */
export function blank(text: string, spans: readonly Span[]): string {
  let result = ''
  let from = 0
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ')
    from = end
  }
  return result + text.slice(from)
}

/** The text with a semicolon where a psql command sends, and so ends, the statement before it. */
export function ended(text: string, commands: Segments['commands']): string {
  return commands.reduce(
    (rest, { start, between }) => (between ? rest : `${rest.slice(0, start)};${rest.slice(start + 1)}`),
    text,
  )
}
