import type { Place } from '../errors.ts'
import { printable, spellOut } from './printable.ts'
import type { Redact } from './redact.ts'

const shownCharacters = 120
const tabWidth = 4
// Far more than is shown, so that what is left of a secret cut at the edge is never in the shown part.
const examinedUnits = 2000
// Looks like a space and is none to Postgres: U+00A0 makes a baffling 42601.
const strangeSpace = /(?! )\p{Zs}/u

/** `file:line:column`, as editors and terminals recognise it. */
export function namePlace(place: Place, redact: Redact): string {
  return `${printable(redact(place.file))}:${place.line}:${place.column}`
}

/** The line of a place with its number, cut around the column when long, and a caret under the column. */
export function showPlace(place: Place, redact: Redact): string[] {
  // What is not known, or not to be shown, is no empty line.
  if (place.text === '') return []
  const { before, after, isWhole } = splitAtColumn(place)
  const shown = redactAround(before, after, redact)
  if (!shown.exact && !isWhole) return []
  const { text, caret } = cutAround(widen(shown.before + shown.after), widen(shown.before).length)
  const number = String(place.line)
  const line = `${number} | ${text.trimEnd()}`.trimEnd()
  return shown.exact ? [line, `${' '.repeat(number.length)} | ${' '.repeat(caret)}^`] : [line]
}

/** Columns count code points, JavaScript counts UTF-16 units; a line of 100 MB is not copied. */
function splitAtColumn(place: Place) {
  const { text } = place
  let at = 0
  for (let column = 1; column < place.column && at < text.length; column++) at += isPair(text, at) ? 2 : 1
  let start = Math.max(0, at - examinedUnits)
  if (start > 0 && isPair(text, start - 1)) start++
  const after = text.slice(at, at + examinedUnits).replace(/[\r\n]+$/, '')
  return { before: text.slice(start, at), after, isWhole: start === 0 }
}

function isPair(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff
}

/** A secret before the column moves the caret with it; one across the column leaves no place for a caret. */
function redactAround(before: string, after: string, redact: Redact) {
  const whole = redact(before + after)
  const parts = { before: redact(before), after: redact(after) }
  return parts.before + parts.after === whole ? { ...parts, exact: true } : { before: '', after: whole, exact: false }
}

/** The characters as they take up room: tabs up to the next stop, invisible ones spelled out. */
function widen(text: string): string[] {
  const shown: string[] = []
  for (const character of text) {
    if (character === '\t') shown.push(...' '.repeat(tabWidth - (shown.length % tabWidth)))
    else if (strangeSpace.test(character)) shown.push(...spellOut(character))
    else shown.push(...printable(character))
  }
  return shown
}

function cutAround(characters: readonly string[], caret: number): { text: string; caret: number } {
  if (characters.length <= shownCharacters) return { text: characters.join(''), caret }
  const latest = characters.length - shownCharacters
  const start = Math.max(0, Math.min(caret - shownCharacters / 2, latest))
  const head = start > 0 ? '...' : ''
  const tail = start < latest ? '...' : ''
  return {
    text: head + characters.slice(start, start + shownCharacters).join('') + tail,
    caret: caret - start + head.length,
  }
}
