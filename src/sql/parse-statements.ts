import { nextToken } from './lex/lex.ts'
import { makeToken, punctuation } from './lex/token.ts'
import { wholeWindow } from './lex/window.ts'
import { type ParsedStatement, byteOffsets, parse } from './parser.ts'
import { type Span, blank, findSegments } from './segments.ts'

/** The statements of a text; when it is wrong each is tried by itself, so that every error is found in one go. */
export function parseStatements(
  text: string,
  spans: readonly Span[],
  report: (error: string, start: number, end: number, offset: number) => void,
): readonly ParsedStatement[] {
  const whole = parse(text)
  if (whole !== 'unknown' && 'statements' in whole) return whole.statements
  const wrong: Span[] = []
  const unknown: ParsedStatement[] = []
  const rest = [...spans]
  for (let span = rest.shift(); span !== undefined; span = rest.shift()) {
    const part = parse(text.slice(span.start, span.end))
    if (part === 'unknown') unknown.push({ kind: 'Unknown', node: {}, ...span, byte: 0, source: text })
    else if ('error' in part) {
      const at = span.start + part.offset
      const behind = behindOpenParenthesis(text, span, at)
      report(part.error, span.start, behind[0]?.start ?? span.end, at)
      rest.unshift(...behind)
    } else continue
    wrong.push(span)
  }
  const right = parse(blank(text, wrong))
  if (right !== 'unknown' && 'statements' in right)
    return [...right.statements, ...unknown].toSorted((a, b) => a.start - b.start)
  if (wrong.length === 0 && whole !== 'unknown') report(whole.error, 0, text.length, whole.offset)
  return []
}

/** An unclosed parenthesis hides the semicolons after it, so what follows the next semicolon is parsed by itself. */
function behindOpenParenthesis(text: string, { start, end }: Span, error: number): Span[] {
  const bytes = Buffer.from(text.slice(start, end))
  const at = byteOffsets(text.slice(start, end))
  const window = wholeWindow(bytes)
  const token = makeToken()
  let depth = 0
  let next = -1
  for (let byte = 0; byte < bytes.length; byte = token.end) {
    nextToken(window, byte, token)
    if (token.kind !== punctuation) continue
    if (token.hash === 40) depth += 1
    else if (token.hash === 41) depth -= 1
    else if (token.hash === 59 && next === -1 && start + at(byte) >= error) next = start + at(token.end)
  }
  if (depth <= 0 || next === -1) return []
  return findSegments(text.slice(next, end)).statements.map((span) => ({
    start: next + span.start,
    end: next + span.end,
  }))
}
