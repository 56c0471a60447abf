import type { Place } from '../errors.ts'

/** The place of a UTF-16 offset in a text; the column counts code points from 1. */
export function placeAt(file: string, text: string, offset: number): Place {
  const at = Math.max(0, Math.min(offset, text.length))
  const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1
  const end = text.indexOf('\n', at)
  return {
    file,
    line: countNewlines(text, start) + 1,
    column: codePoints(text.slice(start, at)) + 1,
    text: text.slice(start, end === -1 ? text.length : end),
  }
}

/** The same for many offsets of one text, whose lines are found only once. */
export function placesIn(file: string, text: string): (offset: number) => Place {
  let starts: number[] | undefined
  return (offset) => {
    starts ??= lineStarts(text)
    const at = Math.max(0, Math.min(offset, text.length))
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= at) low = middle
      else high = middle - 1
    }
    const start = starts[low]!
    const line = text.slice(start, starts[low + 1] === undefined ? text.length : starts[low + 1]! - 1)
    return { file, line: low + 1, column: codePoints(text.slice(start, at)) + 1, text: line }
  }
}

/** Where the code point with this number (from 0) begins, in UTF-16 units: Postgres counts code points. */
export function offsetOfCodePoint(text: string, codePoint: number): number {
  let offset = 0
  for (let seen = 0; seen < codePoint && offset < text.length; seen += 1) {
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1
  }
  return offset
}

/** The length of a text as Postgres counts positions. */
export function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function countNewlines(text: string, end: number): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
