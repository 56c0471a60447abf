import type { Place } from '../errors.ts'
import { newline } from './lex/token.ts'
import { type Window, lineAt } from './lex/window.ts'
import { codePoints } from './position.ts'

const longestShown = 64 << 10

/** The place of an offset in the window; of a line that is only partly in the window its text is that part. */
export function placeIn(window: Window, file: string, offset: number): Place {
  const at = Math.max(0, Math.min(offset - window.base, window.length))
  const bytes = window.bytes.subarray(0, window.length)
  const start = at === 0 ? 0 : bytes.lastIndexOf(newline, at - 1) + 1
  const next = bytes.indexOf(newline, at)
  const end = Math.min(next === -1 ? bytes.length : next, at + longestShown)
  const before = bytes.toString('utf8', start, at)
  // For a line of megabytes its number and the column are enough.
  const text = before.length > longestShown ? '' : before + bytes.toString('utf8', at, end)
  return { file, line: lineAt(window, window.base + at), column: codePoints(before) + 1, text }
}
