import { setFlagsFromString } from 'node:v8'
import { hasSqlDetails, loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query'
import { nextToken } from './lex/lex.ts'
import { comment, makeToken, string } from './lex/token.ts'
import { wholeWindow } from './lex/window.ts'
import { offsetOfCodePoint } from './position.ts'

/** A node of the parse tree, as libpg-query gives it. */
export type Node = Readonly<Record<string, unknown>>

/** A statement of the parse tree; its offsets are in UTF-16 units. */
export interface ParsedStatement {
  readonly kind: string
  readonly node: Node
  readonly start: number
  readonly end: number
  /** Its start in bytes of what was parsed, in which the tree gives the places of its nodes. */
  readonly byte: number
  readonly source: string
}

export type ParseResult =
  | { readonly statements: readonly ParsedStatement[] }
  | { readonly error: string; readonly offset: number }
  /** Nested too deeply for this parser; only the server can tell whether it is right. */
  | 'unknown'

interface RawStatement {
  readonly stmt: Readonly<Record<string, unknown>>
  readonly stmt_location?: number
  readonly stmt_len?: number
}

/** Loads the parser (WebAssembly); to be awaited once before anything is parsed. */
export async function loadParser(): Promise<void> {
  // The optimising compiler goes on in the background, and the exit waits for it: ten times as long as our start.
  setFlagsFromString('--no-wasm-tier-up')
  setFlagsFromString('--no-wasm-dynamic-tiering')
  await loadModule()
}

/** The statements of a text by the grammar of Postgres 18, or the first error in it. */
export function parse(text: string): ParseResult {
  const parsed = parseOnce(text)
  if (parsed === 'unknown' || !('error' in parsed) || !text.includes('--')) return parsed
  // This parser takes no comment between the parts of one string ('a' -- x <newline> 'b'), the server does.
  const bare = parseOnce(withoutLineComments(text))
  return bare !== 'unknown' && 'error' in bare ? parsed : bare
}

function parseOnce(text: string): ParseResult {
  // The parser calls an empty text an error, Postgres does not.
  if (text.trim() === '') return { statements: [] }
  try {
    const { stmts = [] } = parseSync(text) as unknown as { stmts?: RawStatement[] }
    const at = byteOffsets(text)
    return {
      statements: stmts.map(({ stmt, stmt_location = 0, stmt_len }) => {
        const [kind, node] = Object.entries(stmt)[0] as [string, Node]
        const start = at(stmt_location)
        const end = stmt_len === undefined ? text.length : at(stmt_location + stmt_len)
        return { kind, node, start, end, byte: stmt_location, source: text }
      }),
    }
  } catch (error) {
    if (!hasSqlDetails(error)) return 'unknown'
    const { message, cursorPosition } = error.sqlDetails!
    if (/memory exhausted|stack depth/.test(message)) return 'unknown'
    return { error: message, offset: offsetOfCodePoint(text, Math.max(cursorPosition, 0)) }
  }
}

/** Replaces line comments by spaces, so that every offset stays. */
function withoutLineComments(text: string): string {
  const bytes = Buffer.from(text)
  const window = wholeWindow(bytes)
  const token = makeToken()
  let result = ''
  for (let at = 0; at < bytes.length; at = token.end) {
    nextToken(window, at, token)
    const gaps = token.kind === string && token.gaps ? token.gaps : []
    const ends = [at, ...gaps, token.end]
    for (let i = 1; i < ends.length; i += 1) {
      const part = bytes.toString('utf8', ends[i - 1], ends[i])
      result += token.kind === comment || i % 2 === 0 ? part.replace(/--.*/g, (all) => ' '.repeat(all.length)) : part
    }
  }
  return result
}

/**
 * The PL/pgSQL of a CREATE FUNCTION or a DO: its tree, or its error. Null for an error that needs the catalog: without
 * one the parser only guesses about types and variables.
 */
export function parsePlpgsql(statement: string): { readonly tree: unknown } | { readonly error: string } | null {
  try {
    return { tree: parsePlPgSQLSync(statement) }
  } catch (error) {
    const { message } = error as Error
    return tellable.test(message) ? { error: message } : null
  }
}

/** The errors that can be found without a catalog. */
const tellable =
  /^(syntax error|missing |unterminated |unexpected end|mismatched |(CONTINUE|EXIT) cannot|there is no label|end label|block label|too (few|many) parameters specified for RAISE)/

/** Turns ascending byte offsets of the UTF-8 text into UTF-16 offsets. */
export function byteOffsets(text: string): (bytes: number) => number {
  // Without characters beyond ASCII the two are the same.
  if (Buffer.byteLength(text) === text.length) return (bytes) => bytes
  let byte = 0
  let unit = 0
  return (bytes) => {
    if (bytes < byte) [byte, unit] = [0, 0]
    while (byte < bytes) {
      const point = text.codePointAt(unit)!
      byte += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
      unit += point > 0xffff ? 2 : 1
    }
    return unit
  }
}

/** The offset in the text of a place that the tree of one of its statements gives. */
export function offsetIn({ start, end, byte, source }: ParsedStatement, location: number): number {
  return start + byteOffsets(source.slice(start, end))(location - byte)
}
