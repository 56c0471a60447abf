import { type Fingerprint, type TokenPlace, addToken, resetFingerprint } from './lex/fingerprint.ts'
import { nextToken } from './lex/lex.ts'
import { backslash, comment, hashOf, makeToken, newline, punctuation, space, word } from './lex/token.ts'
import { type Window, fill } from './lex/window.ts'

/** One statement as the splitter sees it; offsets in bytes. */
export interface SplitStatement {
  readonly start: number
  /** Without its semicolon. */
  readonly end: number
  /** With it. */
  readonly next: number
  /** The hash of its first word. */
  readonly head: number
  /** COPY ... FROM stdin: what follows is data. */
  readonly copies: boolean
}

/** Called for the parts of a text in their order; each part is in the window at that moment. */
export interface SplitVisitor {
  readonly statement: (statement: SplitStatement) => void
  /** The lines between COPY ... FROM stdin and `\.`, which is at `end`; `next` is behind it. */
  readonly copyData?: (start: number, end: number, next: number) => void
  /** What stands between the semicolon of a COPY and the end of its line, where psql looks for no data. */
  readonly besideCopy?: (start: number) => void
  /** A psql command up to the end of its line, and whether it stands between statements. */
  readonly metaCommand?: (start: number, end: number, between: boolean) => void
  /** A name of more than 63 bytes. */
  readonly longName?: (start: number, end: number) => void
  /** What must stay in the window besides the statement at hand. */
  readonly keep?: () => number
}

/** Thrown for a statement over the limit. */
export class StatementTooLarge extends Error {
  readonly start: number

  constructor(start: number) {
    super('the statement is too large')
    this.start = start
  }
}

/** The limit, because a statement is in memory whole, here and on the server. */
export const largestStatement = 64 << 20
const longestName = 63
const [openParen, closeParen, semicolon] = [40, 41, 59]
const [create, or, replace, routine, procedure] = ['create', 'or', 'replace', 'function', 'procedure'].map(hashOf)
const [begin, caseWord, end, copy, from] = ['begin', 'case', 'end', 'copy', 'from'].map(hashOf)
const standardStreams = new Set(['stdin', 'stdout'].map(hashOf))

/**
 * Cuts a text into statements by the rules of psql (psqlscan.l), reading on as it goes: quotes, comments, parentheses,
 * the bodies of SQL routines, the data of COPY. Comments and empty statements are left out.
 */
export function split(window: Window, visitor: SplitVisitor, fingerprint?: Fingerprint): void {
  const token = makeToken()
  let at = 0
  let start = -1
  const place: TokenPlace = { start: 0, end: 0, depth: 0, head: 0 }
  let blocks = 0
  let words: number[] = []
  let copies = false
  let lastWord = 0
  const keepFrom = (): number => Math.min(visitor.keep?.() ?? Infinity, start < 0 ? at : start)
  const finish = (endsAt: number, next: number): void => {
    if (start >= 0 && endsAt - start > largestStatement) throw new StatementTooLarge(start)
    if (start >= 0) visitor.statement({ start, end: endsAt, next, head: place.head, copies })
    start = -1
    place.depth = place.head = blocks = lastWord = 0
    words = []
    if (copies) at = skipCopyData(window, next, visitor)
    copies = false
  }
  for (;;) {
    const index = at - window.base
    const known = index < window.length && nextToken(window, index, token)
    if (!known) {
      if (window.final && index >= window.length) break
      if (start >= 0 && window.base + window.length - start > largestStatement) throw new StatementTooLarge(start)
      fill(window, keepFrom())
      continue
    }
    const { kind, hash } = token
    const begun = at
    at = window.base + token.end
    if (kind === space || kind === comment) continue
    if (kind === backslash) {
      const between = start < 0
      at = endOfLine(window, begun, () => Math.min(begun, keepFrom()))
      visitor.metaCommand?.(begun, at, between)
      if (!between) finish(begun, at)
      continue
    }
    if (kind === punctuation && hash === semicolon && place.depth === 0 && blocks === 0) {
      finish(begun, at)
      continue
    }
    if (start < 0) {
      start = begun
      if (fingerprint) resetFingerprint(fingerprint)
    }
    if (token.nameBytes > longestName) visitor.longName?.(begun, at)
    if (fingerprint) {
      place.start = begun
      place.end = at
      addToken(fingerprint, token, place)
    }
    if (kind === punctuation) {
      if (hash === openParen) place.depth += 1
      else if (hash === closeParen && place.depth > 0) place.depth -= 1
    } else if (kind === word) {
      if (words.length === 0) place.head = hash
      if (words.length < 4) words.push(hash)
      if (place.depth > 0) continue
      if (hash === begin || hash === caseWord || hash === end) blocks = countBlocks(blocks, hash, words)
      else if (place.head === copy && lastWord === from && standardStreams.has(hash)) copies = true
      lastWord = hash
    }
  }
  if (start >= 0) finish(window.base + window.length, window.base + window.length)
}

/** The body of an SQL routine (BEGIN ATOMIC ... END) has semicolons of its own; psql's own heuristic. */
function countBlocks(blocks: number, hash: number, words: readonly number[]): number {
  const [first, second, third, fourth] = words
  const replaced = second === or && third === replace
  const made = replaced ? fourth : second
  if (first !== create || (made !== routine && made !== procedure)) return blocks
  if (hash === begin) return blocks + 1
  if (hash === caseWord) return blocks > 0 ? blocks + 1 : 0
  return Math.max(0, blocks - 1)
}

function endOfLine(window: Window, offset: number, keep: () => number): number {
  for (;;) {
    const found = window.bytes.subarray(0, window.length).indexOf(newline, offset - window.base)
    if (found !== -1) return window.base + found
    if (window.final) return window.base + window.length
    fill(window, keep())
  }
}

const dataEnd = Buffer.from('\n\\.')

/** The data begin in the next line and end at a line `\.`, or with the text; they do not stay in the window. */
function skipCopyData(window: Window, next: number, visitor: SplitVisitor): number {
  const keep = () => Math.min(visitor.keep?.() ?? Infinity, next)
  const lineEnd = endOfLine(window, next, keep)
  const beside = window.bytes.toString('latin1', next - window.base, lineEnd - window.base)
  if (!/^\s*(--.*)?$/.test(beside)) visitor.besideCopy?.(next)
  const start = Math.min(lineEnd + 1, window.base + window.length)
  let at = lineEnd
  for (;;) {
    const index = at - window.base
    const found = window.bytes.subarray(0, window.length).indexOf(dataEnd, index)
    const after = found + dataEnd.length
    if (found !== -1 && (after < window.length || window.final)) {
      if (after === window.length || window.bytes[after] === newline) {
        const end = window.base + found + 1
        const behind = Math.min(window.base + after + 1, window.base + window.length)
        visitor.copyData?.(start, end, behind)
        return behind
      }
      at = window.base + found + 1
      continue
    }
    if (window.final) {
      visitor.copyData?.(start, window.base + window.length, window.base + window.length)
      return window.base + window.length
    }
    at = found === -1 ? Math.max(at, window.base + window.length - 2) : window.base + found
    fill(window, at)
  }
}
