import type { SqlScript } from '../../migration.ts'

/** What is sent and measured as one: a statement, or of a large file a chunk of them. */
export interface Unit {
  /** Of the statements of its file, from 1. */
  readonly first: number
  readonly last: number
  /** In the file, from 1. */
  readonly line: number
  readonly sql: string
  /** Where it begins in the text, in UTF-16 units; null in a file that is too large to be whole in memory. */
  readonly start: number | null
  /** As the parser calls it; null for a chunk. */
  readonly kind: string | null
  /** What a COPY ... FROM stdin at its end gets. */
  readonly data?: Iterable<Buffer>
}

/** The units of a file, one after the other. */
export function* unitsOf(script: SqlScript): Generator<Unit> {
  if (script.statements.length === 0) return yield* chunksOf(script)
  const text = script.read()
  let next = 0
  for (const { statements: count, data } of script.chunks()) {
    const upTo = next + count
    for (; next < upTo; next += 1) {
      const { start, end, line, kind } = script.statements[next]!
      const isLast = next === upTo - 1
      const one = { first: next + 1, last: next + 1, line, sql: text.slice(start, end), start, kind }
      yield { ...one, ...(data && isLast ? { data } : {}) }
    }
  }
}

function* chunksOf(script: SqlScript): Generator<Unit> {
  let done = 0
  for (const { sql, line, statements, data } of script.chunks()) {
    yield { first: done + 1, last: done + statements, line, sql, start: null, kind: null, ...(data ? { data } : {}) }
    done += statements
  }
}
