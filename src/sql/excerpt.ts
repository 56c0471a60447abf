import type { Fingerprint } from './lex/fingerprint.ts'
import { nextToken } from './lex/lex.ts'
import { makeToken, string } from './lex/token.ts'
import { type Window, wholeWindow } from './lex/window.ts'

/** A text made of parts of the window, and where in the file each of its bytes is from. */
export interface Excerpt {
  readonly text: string
  readonly originOf: (offset: number) => number
}

const small = 256 << 10
const rowsTaken = 1 << 20
const longestTaken = 4 << 20
const shortString = 64

/**
 * What the parser is given of a statement. Of a large one that is only what can be wrong: rows whose fingerprint is
 * new, and strings without their content. Null when even that is too much.
 */
export function excerpt(window: Window, start: number, end: number, fingerprint: Fingerprint): Excerpt | null {
  const { bytes, base } = window
  if (end - start <= small) {
    const text = bytes.toString('utf8', start - base, end - base)
    return { text, originOf: (offset) => start + Buffer.byteLength(text.slice(0, offset)) }
  }
  const parts: [from: number, to: number][] = []
  let size = 0
  const add = (from: number, to: number) => {
    if (to <= from) return
    parts.push([from, to])
    size += to - from
  }
  for (const [from, to] of rangesOf(fingerprint, start, end)) {
    if (from === comma) add(comma, comma + 1)
    else shorten(bytes, [from - base, to - base], (first, last) => add(base + first, base + last))
    if (size > longestTaken) return null
  }
  const chunks = parts.map(([from, to]) => (from === comma ? Buffer.from(',') : bytes.subarray(from - base, to - base)))
  const text = Buffer.concat(chunks).toString('utf8')
  return { text, originOf: (offset) => origin(parts, Buffer.byteLength(text.slice(0, offset))) }
}

/** Stands for a comma that is inserted between rows which are not next to each other. */
const comma = -2

/** The statement without the rows whose fingerprint is known. */
function rangesOf({ valuesStart, firstRowEnd, valuesEnd, newRows }: Fingerprint, start: number, end: number) {
  if (valuesEnd < 0) return [[start, end]] as [number, number][]
  const ranges: [number, number][] = [[start, firstRowEnd]]
  let taken = 0
  for (let i = 0; i < newRows.length && taken < rowsTaken; i += 2) {
    const [from, to] = [newRows[i]!, newRows[i + 1]!]
    taken += to - from
    if (from > valuesStart) ranges.push([comma, comma + 1], [from, to])
  }
  return [...ranges, [valuesEnd, end] as [number, number]]
}

/** Long strings lose their content: whatever it is, it is a string. */
function shorten(bytes: Buffer, [from, to]: readonly [number, number], add: (from: number, to: number) => void) {
  const window = wholeWindow(bytes.subarray(0, to))
  const token = makeToken()
  let begun = from
  for (let at = from; at < to; at = token.end) {
    nextToken(window, at, token)
    if (token.kind !== string || token.end - token.content < shortString) continue
    const opening = token.content - at
    const closing = bytes[token.end - 1] === 39 ? 1 : opening
    add(begun, token.content)
    begun = token.end - closing
  }
  add(begun, to)
}

function origin(parts: readonly (readonly [number, number])[], byte: number): number {
  let left = byte
  let last = 0
  for (const [from, to] of parts) {
    if (from === comma) {
      left -= 1
      continue
    }
    if (left < to - from) return from + Math.max(0, left)
    left -= to - from
    last = to
  }
  return last
}
