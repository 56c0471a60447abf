import {
  type Token,
  bits,
  carriageReturn,
  dash,
  dollar,
  endOfLine,
  escape,
  found,
  isDigit,
  isName,
  isSpace,
  newline,
  parameter,
  punctuation,
  quote,
  string,
} from './token.ts'
import type { Window } from './window.ts'

/** A string constant that begins at its quote; `escapes` says whether a backslash escapes. */
export function stringAt(window: Window, at: number, token: Token, escapes: boolean): boolean {
  const { bytes, length: limit } = window
  token.content = at + 1
  token.gaps = null
  for (let end = at; ;) {
    end = escapes ? closeEscaped(bytes, end + 1, limit) : closePlain(bytes, end + 1, limit)
    if (end >= limit) return window.final && found(token, string, limit)
    if (end + 1 < limit && bytes[end + 1] !== quote && !isSpace[bytes[end + 1]!] && bytes[end + 1] !== dash)
      return found(token, string, end + 1)
    if (end + 1 < limit && bytes[end + 1] === quote) {
      end += 1
      continue
    }
    // 'a' <newline> 'b' is one constant, and goes on by the rules of its beginning.
    const next = continuation(bytes, end + 1, limit)
    if (next === limit && !window.final) return false
    if (next === -1 || next === limit) return found(token, string, end + 1)
    ;(token.gaps ??= []).push(end + 1, next)
    end = next
  }
}

/** A bit string, or a string with Unicode escapes, which the grammar does not treat like other strings. */
export function bitsAt(window: Window, at: number, token: Token): boolean {
  const known = stringAt(window, at, token, false)
  token.kind = bits
  return known
}

function closePlain(bytes: Buffer, from: number, limit: number): number {
  let at = from
  // Most strings are short, and a call costs more than a few steps.
  for (const near = Math.min(limit, from + 48); at < near; at += 1) if (bytes[at] === quote) return at
  const next = at < limit ? bytes.indexOf(quote, at) : -1
  return next === -1 || next > limit ? limit : next
}

function closeEscaped(bytes: Buffer, from: number, limit: number): number {
  let at = from
  while (at < limit && bytes[at] !== quote) at += bytes[at] === escape ? 2 : 1
  return Math.min(at, limit)
}

/** Where the next part's quote is, -1 when there is none, the limit when that cannot be known. */
function continuation(bytes: Buffer, from: number, limit: number): number {
  let newlines = false
  let at = from
  for (; at < limit; at += 1) {
    const byte = bytes[at]!
    if (byte === newline || byte === carriageReturn) newlines = true
    else if (byte === dash && at + 1 < limit && bytes[at + 1] === dash) at = endOfLine(bytes, at, limit) - 1
    else if (byte === dash && at + 1 === limit) return limit
    else if (byte === quote && newlines) return at
    else if (!isSpace[byte]) return -1
  }
  return limit
}

/** A parameter, a dollar-quoted string, or nothing but a dollar. */
export function afterDollar(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  let end = at + 1
  if (end < limit && isDigit[bytes[end]!]) {
    while (end < limit && isDigit[bytes[end]!]) end += 1
    return (end < limit || window.final) && found(token, parameter, end)
  }
  while (end < limit && isName[bytes[end]!] && bytes[end] !== dollar) end += 1
  if (end === limit) return window.final && found(token, punctuation, at + 1)
  if (bytes[end] !== dollar) {
    token.hash = dollar
    return found(token, punctuation, at + 1)
  }
  const tag = bytes.subarray(at, end + 1)
  token.content = end + 1
  token.gaps = null
  const close = bytes.subarray(0, limit).indexOf(tag, end + 1)
  if (close === -1) return window.final && found(token, string, limit)
  return found(token, string, close + tag.length)
}
