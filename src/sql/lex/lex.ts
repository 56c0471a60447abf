import { afterDollar, stringAt } from './strings.ts'
import {
  type Token,
  ampersand,
  backslash,
  bits,
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
  string,
  underscore,
  word,
} from './token.ts'

/**
 * Finds the token that begins at `at`, by the rules of Postgres' psqlscan.l, in bytes of UTF-8. Answers false when the
 * token may go on behind `limit` and the text does not end there (`final`): then it is to be asked again with more.
 */
export function nextToken(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
  token.hash = 0
  token.nameBytes = 0
  const first = bytes[at]!
  if (isNameStart[first]) return nameOrPrefix(bytes, at, limit, final, token)
  if (isSpace[first]) {
    let end = at + 1
    while (end < limit && isSpace[bytes[end]!]) end += 1
    return found(token, space, end)
  }
  if (first === quote) return stringAt(bytes, at, limit, final, token, string, false)
  if (isDigit[first]) return number(bytes, at, limit, final, token)
  if (isOperator[first]) return operatorOrComment(bytes, at, limit, final, token)
  if (first === doubleQuote) return quoted(bytes, at, limit, final, token)
  if (first === dollar) return afterDollar(bytes, at, limit, final, token)
  if (first === dot) {
    if (at + 1 >= limit && !final) return false
    if (at + 1 < limit && isDigit[bytes[at + 1]!]) return number(bytes, at, limit, final, token)
  }
  token.hash = first
  return found(token, first === escape ? backslash : punctuation, at + 1)
}

function nameOrPrefix(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
  let end = at
  let hash = 0x811c9dc5
  for (let byte = bytes[at]!; end < limit && isName[byte]; byte = bytes[end]!) {
    hash = Math.imul(hash ^ (byte >= 65 && byte <= 90 ? byte | 32 : byte), 0x01000193)
    end += 1
  }
  if (end === limit && !final) return false
  if (end === at + 1 && end < limit) {
    const letter = bytes[at]! | 32
    if (bytes[end] === quote) {
      if (letter === 101) return stringAt(bytes, end, limit, final, token, string, true)
      if (letter === 110) return stringAt(bytes, end, limit, final, token, string, false)
      if (letter === 98 || letter === 120) return stringAt(bytes, end, limit, final, token, bits, false)
    }
    if (letter === 117 && bytes[end] === ampersand) {
      if (end + 1 >= limit && !final) return false
      // Not a string like others: it alone may have a UESCAPE.
      if (end + 1 < limit && bytes[end + 1] === quote) return stringAt(bytes, end + 1, limit, final, token, bits, false)
      if (end + 1 < limit && bytes[end + 1] === doubleQuote) {
        const known = quoted(bytes, end + 1, limit, final, token)
        // Its escapes are longer than what they stand for.
        token.nameBytes = 0
        return known
      }
    }
  }
  token.hash = hash
  token.nameBytes = end - at
  return found(token, word, end)
}

function quoted(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
  let hash = 0x01000193
  let size = 0
  let end = at + 1
  for (; end < limit; end += 1) {
    if (bytes[end] === doubleQuote) {
      if (end + 1 === limit && !final) return false
      if (bytes[end + 1] !== doubleQuote || end + 1 === limit) break
      end += 1
    }
    hash = Math.imul(hash ^ bytes[end]!, 0x01000193)
    size += 1
  }
  if (end >= limit && !final) return false
  token.hash = hash
  token.nameBytes = size
  return found(token, quotedName, Math.min(end + 1, limit))
}

function number(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
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
  // What is glued to it (0x1f, 1st) is right or wrong as a whole, so it is no constant like others.
  if (end < limit && isNameStart[bytes[end]!]) {
    kind = junk
    while (end < limit && isName[bytes[end]!]) end += 1
    for (let from = at; from < end; from += 1)
      token.hash = Math.imul((token.hash || 0x811c9dc5) ^ bytes[from]!, 0x01000193)
  }
  // A dot, an exponent, its sign and a digit may follow.
  if (end + 3 >= limit && !final) return false
  return found(token, kind, end)
}

function digits(bytes: Buffer, from: number, limit: number): number {
  let end = from
  while (end < limit && (isDigit[bytes[end]!] || bytes[end] === underscore)) end += 1
  return end
}

function operatorOrComment(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
  let hash = 0x811c9dc5
  let end = at
  for (; end < limit && isOperator[bytes[end]!]; end += 1) {
    const byte = bytes[end]!
    const starts = (byte === dash && bytes[end + 1] === dash) || (byte === slash && bytes[end + 1] === star)
    if (starts && end + 1 < limit) {
      if (end > at) break
      return byte === dash ? lineComment(bytes, at, limit, final, token) : blockComment(bytes, at, limit, final, token)
    }
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  if (end === limit && !final) return false
  token.hash = hash
  return found(token, operator, end)
}

function lineComment(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
  const end = endOfLine(bytes, at, limit)
  return (end < limit || final) && found(token, comment, end)
}

function blockComment(bytes: Buffer, at: number, limit: number, final: boolean, token: Token): boolean {
  let depth = 1
  let end = at + 2
  for (; end + 1 < limit && depth > 0; end += 1) {
    if (bytes[end] === slash && bytes[end + 1] === star) depth += 1
    else if (bytes[end] === star && bytes[end + 1] === slash) depth -= 1
    else continue
    end += 1
  }
  if (depth > 0) return final && found(token, comment, limit)
  return found(token, comment, end)
}
