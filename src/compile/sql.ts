import { setFlagsFromString } from 'node:v8'
import { hasSqlDetails, loadModule, parseSync } from 'libpg-query'
import type { Place, Problem } from '../errors.ts'
import { type Node, aloneName } from './checks/alone.ts'
import { createdRelations, statedIndex } from './made.ts'
import type { Statement } from '../migrations/migration.ts'
import { offsetOfCodePoint, placeAt } from '../postgres/position.ts'

/** A SQL text as the grammar of Postgres 18 sees it. */
export interface ParsedSql {
  readonly statements: readonly Statement[]
  readonly creates: readonly string[]
  /** The statements that Postgres refuses inside a transaction. */
  readonly aloneNames: readonly { readonly name: string; readonly place: Place }[]
  readonly problems: readonly Problem[]
}

interface RawStatement {
  readonly stmt: Readonly<Record<string, unknown>>
  readonly stmt_location?: number
  readonly stmt_len?: number
}

/** Loads the parser (WebAssembly); to be awaited once before parseSql. */
export async function loadParser(): Promise<void> {
  // The optimising compiler works on in the background, and the exit of the process waits for it: ten times our start.
  setFlagsFromString('--no-wasm-tier-up')
  setFlagsFromString('--no-wasm-dynamic-tiering')
  await loadModule()
}

/** Splits and checks a text with the real Postgres parser; `file` is for the places of what it finds. */
export function parseSql(file: string, text: string): ParsedSql {
  // The parser calls an empty text an error, Postgres does not.
  if (text.trim() === '') return { ...nothing, problems: [] }
  try {
    const { stmts = [] } = parseSync(text) as unknown as { stmts?: RawStatement[] }
    const at = byteOffsets(text)
    let line = { number: 1, offset: 0 }
    const aloneNames: { name: string; place: Place }[] = []
    const statements = stmts.map(({ stmt, stmt_location = 0, stmt_len }) => {
      const start = at(stmt_location)
      const end = stmt_len === undefined ? text.length : at(stmt_location + stmt_len)
      line = { number: line.number + newlines(text, line.offset, start), offset: start }
      const [kind, node] = Object.entries(stmt)[0] as [string, Node]
      const name = aloneName(kind, node)
      if (name !== null) aloneNames.push({ name, place: placeAt(file, text, start) })
      const index = kind === 'IndexStmt' && name !== null ? { index: statedIndex(node) } : {}
      return { start, end, line: line.number, kind, alone: name !== null, ...index }
    })
    return { statements, aloneNames, creates: stmts.flatMap(({ stmt }) => createdRelations(stmt)), problems: [] }
  } catch (error) {
    if (!hasSqlDetails(error)) throw error
    const { message, cursorPosition } = error.sqlDetails!
    const place = placeAt(file, text, offsetOfCodePoint(text, Math.max(cursorPosition, 0)))
    return { ...nothing, problems: [{ what: message, place }] }
  }
}

const nothing = { statements: [], creates: [], aloneNames: [] } as const

/** Turns ascending byte offsets of the UTF-8 text into UTF-16 offsets. */
function byteOffsets(text: string): (bytes: number) => number {
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

function newlines(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
