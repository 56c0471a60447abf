import { afterDollar, bitsAt, stringAt } from './strings.ts'
import {
  type Token,
  ampersand,
  backslash,
  comment,
  dash,
  dollar,
  dot,
  doubleQuote,
  endOfLine,
  escape,
  float,
  found,
  integer,
  isDigit,
  isName,
  isNameStart,
  isOperator,
  isSpace,
  junk,
  operator,
  plus,
  punctuation,
  quote,
  quotedName,
  slash,
  space,
  star,
  underscore,
  word,
} from './token.ts'
import type { Window } from './window.ts'

/**
 * Finds the token that begins at `at` (counted from the window's first byte), by the rules of Postgres' psqlscan.l, in
 * UTF-8. Returns false when the token may go on behind the window: then it has to be asked again with more in it.
 */
export function nextToken(window: Window, at: number, token: Token): boolean {
  const { bytes } = window
  token.hash = 0
  token.nameBytes = 0
  const first = bytes[at]!
  if (isNameStart[first]) return nameOrPrefix(window, at, token)
  if (isSpace[first]) {
    const { length } = window
    let end = at + 1
    while (end < length && isSpace[bytes[end]!]) end += 1
    return found(token, space, end)
  }
  if (first === quote) return stringAt(window, at, token, false)
  if (isDigit[first]) return number(window, at, token)
  if (isOperator[first]) return operatorOrComment(window, at, token)
  if (first === doubleQuote) return quoted(window, at, token)
  if (first === dollar) return afterDollar(window, at, token)
  if (first === dot) {
    if (at + 1 >= window.length && !window.final) return false
    if (at + 1 < window.length && isDigit[bytes[at + 1]!]) return number(window, at, token)
  }
  token.hash = first
  return found(token, first === escape ? backslash : punctuation, at + 1)
}

function nameOrPrefix(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  let end = at
  let hash = 0x811c9dc5
  for (let byte = bytes[at]!; end < limit && isName[byte]; byte = bytes[end]!) {
    hash = Math.imul(hash ^ (byte >= 65 && byte <= 90 ? byte | 32 : byte), 0x01000193)
    end += 1
  }
  if (end === limit && !window.final) return false
  if (end === at + 1 && end < limit) {
    const letter = bytes[at]! | 32
    if (bytes[end] === quote) {
      if (letter === 101) return stringAt(window, end, token, true)
      if (letter === 110) return stringAt(window, end, token, false)
      if (letter === 98 || letter === 120) return bitsAt(window, end, token)
    }
    if (letter === 117 && bytes[end] === ampersand) {
      if (end + 1 >= limit && !window.final) return false
      // Not a plain string, because UESCAPE may follow it.
      if (end + 1 < limit && bytes[end + 1] === quote) return bitsAt(window, end + 1, token)
      if (end + 1 < limit && bytes[end + 1] === doubleQuote) {
        const known = quoted(window, end + 1, token)
        // Its escapes are longer than the characters they stand for, so its length is not known.
        token.nameBytes = 0
        return known
      }
    }
  }
  token.hash = hash
  token.nameBytes = end - at
  return found(token, word, end)
}

function quoted(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  let hash = 0x01000193
  let size = 0
  let end = at + 1
  for (; end < limit; end += 1) {
    if (bytes[end] === doubleQuote) {
      if (end + 1 === limit && !window.final) return false
      if (bytes[end + 1] !== doubleQuote || end + 1 === limit) break
      end += 1
    }
    hash = Math.imul(hash ^ bytes[end]!, 0x01000193)
    size += 1
  }
  if (end >= limit && !window.final) return false
  token.hash = hash
  token.nameBytes = size
  return found(token, quotedName, Math.min(end + 1, limit))
}

function number(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  let end = digits(bytes, at, limit)
  let kind = end - at > 9 ? float : integer
  if (end < limit && bytes[end] === dot && bytes[end + 1] !== dot) {
    kind = float
    end = digits(bytes, end + 1, limit)
  }
  if (end < limit && (bytes[end]! | 32) === 101) {
    const signed = bytes[end + 1] === dash || bytes[end + 1] === plus ? end + 2 : end + 1
    if (signed < limit && isDigit[bytes[signed]!]) {
      kind = float
      end = digits(bytes, signed, limit)
    }
  }
  // With letters attached (0x1f, 1st) only the whole can be right or wrong, so it is not treated as a constant.
  if (end < limit && isNameStart[bytes[end]!]) {
    kind = junk
    while (end < limit && isName[bytes[end]!]) end += 1
    for (let from = at; from < end; from += 1)
      token.hash = Math.imul((token.hash || 0x811c9dc5) ^ bytes[from]!, 0x01000193)
  }
  // A dot, an exponent, its sign and a digit may follow.
  if (end + 3 >= limit && !window.final) return false
  return found(token, kind, end)
}

function digits(bytes: Buffer, from: number, limit: number): number {
  let end = from
  while (end < limit && (isDigit[bytes[end]!] || bytes[end] === underscore)) end += 1
  return end
}

function operatorOrComment(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  let hash = 0x811c9dc5
  let end = at
  for (; end < limit && isOperator[bytes[end]!]; end += 1) {
    const byte = bytes[end]!
    const starts = (byte === dash && bytes[end + 1] === dash) || (byte === slash && bytes[end + 1] === star)
    if (starts && end + 1 < limit) {
      if (end > at) break
      return byte === dash ? lineComment(window, at, token) : blockComment(window, at, token)
    }
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  if (end === limit && !window.final) return false
  token.hash = hash
  return found(token, operator, end)
}

function lineComment(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  const end = endOfLine(bytes, at, limit)
  return (end < limit || window.final) && found(token, comment, end)
}

function blockComment(window: Window, at: number, token: Token): boolean {
  const { bytes, length: limit } = window
  let depth = 1
  let end = at + 2
  for (; end + 1 < limit && depth > 0; end += 1) {
    if (bytes[end] === slash && bytes[end + 1] === star) depth += 1
    else if (bytes[end] === star && bytes[end + 1] === slash) depth -= 1
    else continue
    end += 1
  }
  if (depth > 0) return window.final && found(token, comment, limit)
  return found(token, comment, end)
}
