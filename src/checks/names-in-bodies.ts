import type { Place } from '../errors.ts'
import { wholeWindow } from '../sql/lex/window.ts'
import { type ParsedStatement, byteOffsets } from '../sql/parser.ts'
import { split } from '../sql/split.ts'
import { bodyOf } from './rules/function-body.ts'
import type { LongName } from './rules/long-name.ts'

/** The names of more than 63 bytes in the bodies of routines, which Postgres cuts there as well. */
export function longNamesOf(
  statements: readonly ParsedStatement[],
  text: string,
  placeOf: (offset: number) => Place,
): LongName[] {
  const names: LongName[] = []
  for (const statement of statements) {
    const body = bodyOf(statement, text)
    if (body === null || (body.language !== 'plpgsql' && body.language !== 'sql')) continue
    const inside = text.slice(body.start, body.end)
    const at = byteOffsets(inside)
    const longName = (start: number, end: number) => {
      const first = at(start)
      names.push({ written: inside.slice(first, at(end)), place: placeOf(body.start + first) })
    }
    split(wholeWindow(Buffer.from(inside)), { statement: () => {}, longName })
  }
  return names
}
