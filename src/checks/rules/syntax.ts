import type { Place, Problem } from '../../errors.ts'
import { nextToken } from '../../sql/lex/lex.ts'
import { makeToken, quotedName, space, string, comment } from '../../sql/lex/token.ts'
import { wholeWindow } from '../../sql/lex/window.ts'
import { finding } from '../finding.ts'

/** What looks like white space or like a quote and is none, by name. */
const strange: Readonly<Record<string, string>> = {
  '\u00a0': 'a no-break space',
  '\u00ad': 'a soft hyphen',
  '\u1680': 'an ogham space mark',
  '\u200b': 'a zero-width space',
  '\u200c': 'a zero-width non-joiner',
  '\u200d': 'a zero-width joiner',
  '\u200e': 'a left-to-right mark',
  '\u200f': 'a right-to-left mark',
  '\u2010': 'a typographic hyphen',
  '\u2011': 'a no-break hyphen',
  '\u2012': 'a dash, not a minus',
  '\u2013': 'a dash, not a minus',
  '\u2014': 'a dash, not a minus',
  '\u2018': 'a typographic quote',
  '\u2019': 'a typographic quote',
  '\u201a': 'a typographic quote',
  '\u201c': 'a typographic quote',
  '\u201d': 'a typographic quote',
  '\u201e': 'a typographic quote',
  '\u00ab': 'a typographic quote',
  '\u00bb': 'a typographic quote',
  '\u2028': 'a line separator',
  '\u2029': 'a paragraph separator',
  '\u202f': 'a narrow no-break space',
  '\u2060': 'a word joiner',
  '\u2212': 'a minus sign that is not the ASCII one',
  '\u3000': 'an ideographic space',
  '\uff1b': 'a full-width semicolon',
  '\ufeff': 'a byte order mark',
}
const anyStrange = new RegExp(`[${Object.keys(strange).join('')}\u2000-\u200a\u202a-\u202e\u2066-\u2069]`, 'u')
const named = 3

/** A statement in its text. */
interface StatementText {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** A syntax error, naming the characters of its statement that are invisible or look like others. */
export function explainSyntax(
  error: string,
  { text, start, end }: StatementText,
  offset: number,
  placeOf: (offset: number) => Place,
): Problem {
  const seen = strangeCharacters(text, start, end)
  const names = seen.slice(0, named).map((at) => {
    const { line, column } = placeOf(at)
    const character = String.fromCodePoint(text.codePointAt(at)!)
    const code = text.codePointAt(at)!.toString(16).toUpperCase().padStart(4, '0')
    return `U+${code} (${strange[character] ?? 'an invisible character'}) at ${line}:${column}`
  })
  const more = seen.length > named ? ` and ${seen.length - named} more` : ''
  const what = names.length === 0 ? error : `${error}; in its way: ${names.join(', ')}${more}`
  const next =
    names.length === 0
      ? 'Mend it: Postgres would say the same.'
      : 'Replace them by what they look like: to Postgres they are letters.'
  // Behind the last word, not behind the empty lines that follow it.
  const at = Math.min(offset, start + text.slice(start, end).trimEnd().length)
  return finding('syntax', what, placeOf(at), next)
}

/** Where such characters are, except in strings, quoted names and comments, where they are intended. */
function strangeCharacters(text: string, start: number, end: number): number[] {
  const statement = text.slice(start, end)
  if (!anyStrange.test(statement)) return []
  const bytes = Buffer.from(statement)
  const window = wholeWindow(bytes)
  const token = makeToken()
  const found: number[] = []
  for (let at = 0, unit = start; at < bytes.length; at = token.end) {
    nextToken(window, at, token)
    const chunk = bytes.toString('utf8', at, token.end)
    if (token.kind !== space && token.kind !== string && token.kind !== quotedName && token.kind !== comment) {
      for (let i = 0; i < chunk.length; i += 1) if (anyStrange.test(chunk[i]!)) found.push(unit + i)
    }
    unit += chunk.length
  }
  return found
}
