import type { Place, Problem } from '../../errors.ts'
import { nextToken } from '../../sql/lex/lex.ts'
import { comment, makeToken, space, string } from '../../sql/lex/token.ts'
import { wholeWindow } from '../../sql/lex/window.ts'
import { type Node, type ParsedStatement, byteOffsets, offsetIn, parse, parsePlpgsql } from '../../sql/parser.ts'
import { finding } from '../finding.ts'
import { refuseCommitInDo } from './alone.ts'

/** The text of a routine: its language, and where its content is in the text of the file. */
export interface Body {
  readonly language: string
  /** As the language gets to see it. */
  readonly source: string
  /** In UTF-16 units. */
  readonly start: number
  readonly end: number
}

interface Option {
  readonly defname?: string
  readonly arg?: { readonly String?: { readonly sval?: string }; readonly List?: { readonly items?: readonly Node[] } }
  readonly location?: number
}

/** The body of a CREATE FUNCTION, a CREATE PROCEDURE or a DO, null for statements without one. */
export function bodyOf(statement: ParsedStatement, text: string): Body | null {
  const { kind, node } = statement
  if (kind !== 'CreateFunctionStmt' && kind !== 'DoStmt') return null
  const nodes = (node[kind === 'DoStmt' ? 'args' : 'options'] ?? []) as readonly { readonly DefElem: Option }[]
  const options = nodes.map(({ DefElem }) => DefElem)
  const as = options.find(({ defname }) => defname === 'as')
  const items = as?.arg?.List?.items as readonly { readonly String?: { readonly sval?: string } }[] | undefined
  const source = as?.arg?.String?.sval ?? items?.[0]?.String?.sval
  if (as === undefined || source === undefined || (items?.length ?? 1) > 1) return null
  const language = options.find(({ defname }) => defname === 'language')?.arg?.String?.sval ?? 'plpgsql'
  const constant = firstString(text, offsetIn(statement, as.location ?? statement.byte), statement.end)
  if (constant === null) return null
  return { language: language.toLowerCase(), source, ...constant }
}

/** The errors that the server would report when it creates the routine or runs the DO. */
export function checkBody(
  statement: ParsedStatement,
  body: Body,
  text: string,
  placeOf: (offset: number) => Place,
): Problem[] {
  const { kind } = statement
  if (body.language === 'sql' && kind === 'CreateFunctionStmt') {
    const parsed = parse(body.source)
    if (parsed === 'unknown' || !('error' in parsed)) return []
    return [wrong(parsed.error, placeOf(isVerbatim(body, text) ? body.start + parsed.offset : body.start))]
  }
  if (body.language !== 'plpgsql') return []
  const sql = text.slice(statement.start, statement.end)
  const parsed = parsePlpgsql(sql)
  if (parsed === null) return []
  if ('error' in parsed) return [wrong(parsed.error, placeOf(findError(body, text, statement, parsed.error)))]
  if (kind !== 'DoStmt' || !/commit|rollback/i.test(body.source) || !commits(parsed.tree)) return []
  return [refuseCommitInDo(placeOf(statement.start))]
}

/** Whether a COMMIT or ROLLBACK is reached in any case: not one under a condition, not one in a handler. */
function commits(tree: unknown): boolean {
  if (Array.isArray(tree)) return tree.some(commits)
  if (typeof tree !== 'object' || tree === null) return false
  return Object.entries(tree).some(([name, value]) => {
    if (name === 'PLpgSQL_stmt_commit' || name === 'PLpgSQL_stmt_rollback') return true
    if (name === 'PLpgSQL_stmt_if' || name === 'PLpgSQL_stmt_case' || name === 'exceptions') return false
    return commits(value)
  })
}

function wrong(error: string, place: Place): Problem {
  return finding('function-body', error, place, 'Mend the body: Postgres would say the same of it.')
}

/**
 * Finds the place of an error, which the parser does not report: the shortest beginning of the body with the same error
 * ends with the mistake, and the word in the message is the last such word in it.
 */
function findError(body: Body, text: string, statement: { start: number; end: number }, error: string): number {
  if (!isVerbatim(body, text)) return body.start
  const ends = tokenEnds(body.source)
  const before = text.slice(statement.start, body.start)
  const after = text.slice(body.end, statement.end)
  const isSame = (count: number) => {
    const parsed = parsePlpgsql(`${before}${body.source.slice(0, ends[count])}${after}`)
    return parsed !== null && 'error' in parsed && parsed.error === error
  }
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isSame(middle)) high = middle
    else low = middle + 1
  }
  const near = / at or near "([^]+)"$/.exec(error)?.[1]
  const beginning = body.source.slice(0, ends[low])
  const found = near === undefined ? -1 : beginning.toLowerCase().lastIndexOf(near.toLowerCase())
  const last = low === 0 ? 0 : ends[low - 1]!
  return body.start + (found === -1 ? last + leadingSpace(body.source.slice(last)) : found)
}

function leadingSpace(text: string): number {
  return /^\s*/.exec(text)![0].length
}

/** Whether the file has the body just as the language sees it, without doubled quotes. */
function isVerbatim(body: Body, text: string): boolean {
  return text.slice(body.start, body.end) === body.source
}

/** Where each token of a text ends, in UTF-16 units. */
function tokenEnds(source: string): number[] {
  const bytes = Buffer.from(source)
  const at = byteOffsets(source)
  const window = wholeWindow(bytes)
  const token = makeToken()
  const ends: number[] = []
  for (let byte = 0; byte < bytes.length; byte = token.end) {
    nextToken(window, byte, token)
    if (token.kind !== space && token.kind !== comment) ends.push(at(token.end))
  }
  return ends
}

/** The content of the first string constant from an offset on. */
function firstString(text: string, from: number, until: number): { start: number; end: number } | null {
  const bytes = Buffer.from(text.slice(from, until))
  const window = wholeWindow(bytes)
  const token = makeToken()
  for (let at = 0; at < bytes.length; at = token.end) {
    nextToken(window, at, token)
    if (token.kind !== string) continue
    const start = from + bytes.toString('utf8', 0, token.content).length
    const whole = bytes.toString('utf8', token.content, token.end)
    const closing = whole.endsWith("'") ? 1 : bytes.toString('utf8', at, token.content).length
    return { start, end: start + whole.length - closing }
  }
  return null
}
