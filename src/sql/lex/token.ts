/** The kinds of tokens; all string constants but bit strings are one kind, because the grammar treats them the same. */
export const space = 0
export const comment = 1
export const word = 2
export const quotedName = 3
export const string = 4
export const bits = 5
export const integer = 6
export const float = 7
export const parameter = 8
export const operator = 9
export const punctuation = 10
export const backslash = 11
export const junk = 12

/** The token that nextToken has found; one object for all of them, because a large file has millions. */
export interface Token {
  kind: number
  end: number
  /** Of the case-folded word, the operator or the character; 0 for others. */
  hash: number
  /** The bytes of a name as Postgres counts them, 0 for what is no name. */
  nameBytes: number
  /** Where the content of a string begins, dollar-quoted or plain. */
  content: number
  /** The gaps between the parts of one string: where each begins and ends. */
  gaps: number[] | null
}

/** A token to be filled. */
export function makeToken(): Token {
  return { kind: space, end: 0, hash: 0, nameBytes: 0, content: 0, gaps: null }
}

/** The classes of characters, by byte. */
export const isSpace = classOf(' \t\n\r\f\v')
export const isOperator = classOf('~!@#^&|`?+-*/%<>=')
export const isNameStart = classOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_', true)
export const isName = classOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789$', true)
export const isDigit = classOf('0123456789')

/** The characters that have a meaning of their own. */
export const [newline, carriageReturn, quote, doubleQuote, dollar, dash, slash, star] = [10, 13, 39, 34, 36, 45, 47, 42]
export const [underscore, ampersand, dot, escape, plus] = [95, 38, 46, 92, 43]

/** Notes what was found. */
export function found(token: Token, kind: number, end: number): true {
  token.kind = kind
  token.end = end
  return true
}

/** The hash of a word in lower case, as a token has it. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

/** Where the line ends, which a lone carriage return does too. */
export function endOfLine(bytes: Buffer, from: number, limit: number): number {
  let at = from
  while (at < limit && bytes[at] !== newline && bytes[at] !== carriageReturn) at += 1
  return at
}

function classOf(characters: string, high = false): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  if (high) table.fill(1, 128)
  return table
}
