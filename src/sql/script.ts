import type { Isolation, Limits, Chunk, SqlScript, Statement } from '../migration.ts'

/** How a text runs that is in memory whole; offsets in UTF-16 units. */
export interface TextLayout {
  readonly transaction: boolean
  readonly isolation?: Isolation | undefined
  readonly limits?: Limits | undefined
  readonly joinable: boolean
  readonly size: number
  readonly statements: readonly Statement[]
  /** In a file outside a transaction the statements that set the session, which run again when the file is resumed. */
  readonly session?: readonly (readonly [start: number, end: number])[] | undefined
  /** What is not sent: psql's \restrict, an outer BEGIN and COMMIT. */
  readonly blanks: readonly (readonly [start: number, end: number])[]
  /** COPY ... FROM stdin: the statement's number, where its data begin and end, where the text goes on. */
  readonly copies: readonly (readonly [statement: number, start: number, end: number, next: number])[]
}

/** A script of such a text, read when it is needed. */
export function textScript(source: () => string, layout: TextLayout): SqlScript {
  const { transaction, isolation, limits, joinable, size, statements, session } = layout
  const read = () => withoutBlanks(source(), layout)
  return {
    kind: 'sql',
    transaction,
    isolation,
    ...(limits ? { limits } : {}),
    joinable,
    size,
    statements,
    ...(session ? { session } : {}),
    read,
    chunks: () => cutChunks(read(), layout),
  }
}

function withoutBlanks(text: string, { blanks }: TextLayout): string {
  // Spaces, so that every line and column stays that of the file.
  return blanks.reduce(
    (rest, [start, end]) => rest.slice(0, start) + rest.slice(start, end).replace(/[^\n]/g, ' ') + rest.slice(end),
    text,
  )
}

function cutChunks(text: string, { copies, statements }: TextLayout): Chunk[] {
  if (copies.length === 0) return [{ sql: text, line: 1, statements: statements.length }]
  const chunks: Chunk[] = []
  let from = 0
  let line = 1
  let count = 0
  const add = (until: number, upTo: number, data?: Iterable<Buffer>) => {
    if (upTo > count)
      chunks.push({ sql: text.slice(from, until), line, statements: upTo - count, ...(data ? { data } : {}) })
    count = upTo
  }
  for (const [statement, start, end, next] of copies) {
    add(start, statement + 1, [Buffer.from(text.slice(start, end))])
    line += text.slice(from, next).split('\n').length - 1
    from = next
  }
  add(text.length, statements.length)
  return chunks
}
