// Zero-width joiners stay: emoji and several scripts are written with them.
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text on one line with every invisible character spelled out, so that no name can forge a line of the log. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => short[character] ?? spellOut(character))
}

/** The lines of a text that may have several, each printable, tabs as spaces, without empty ones at the end. */
export function printableLines(text: string): string[] {
  return text
    .trimEnd()
    .split(/\r\n|\n|\r/)
    .map((line) => printable(line.replaceAll('\t', '    ')).trimEnd())
}

/** Encoded JSON with what JSON lets through but a terminal obeys (C1, bidi, U+2028) as escapes; its meaning stays. */
export function printableJson(json: string): string {
  return json.replace(unprintable, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** A character as an escape: `\x1b`, `\u200b`, `\u{e0001}`. */
export function spellOut(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}
