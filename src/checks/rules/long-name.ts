import type { Place, Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

const limit = 63

/** A name as it is written, and where. */
export interface LongName {
  readonly written: string
  readonly place: Place
}

/**
 * Names that Postgres cuts to 63 bytes, with a NOTICE nobody reads; two that are cut to the same are told together,
 * because the second is then taken for the first.
 */
export function refuseLongNames(names: readonly LongName[]): Problem[] {
  const seen = new Map<string, LongName>()
  const problems: Problem[] = []
  for (const name of names) {
    const { text, cut, bytes } = measure(name.written)
    const before = seen.get(cut)
    if (before && measure(before.written).text === text) continue
    seen.set(cut, before ?? name)
    const clash = before ? `, as it does ${before.written} of line ${before.place.line}` : ''
    const what = `the name ${name.written} has ${bytes} bytes; Postgres cuts it to "${cut}"${clash}`
    problems.push(finding('long-name', what, name.place, `Choose one of at most ${limit} bytes.`))
  }
  return problems
}

function measure(written: string): { text: string; cut: string; bytes: number } {
  const text = written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase()
  const bytes = Buffer.from(text)
  let end = limit
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1
  return { text, cut: bytes.toString('utf8', 0, end), bytes: bytes.length }
}
