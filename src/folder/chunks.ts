import type { ChunkPlace } from '../checks/check-stream.ts'
import type { Chunk, Isolation, Limits, SqlScript } from '../migration.ts'
import { type Window, fill, openWindow, textBetween, wholeWindow } from '../sql/lex/window.ts'
import { split } from '../sql/split.ts'
import type { TextStream } from './text-stream.ts'

/** How a file runs that is never in memory whole. */
export interface ChunkLayout {
  readonly size: number
  readonly isolation?: Isolation | undefined
  readonly limits?: Limits | undefined
  readonly chunks: readonly ChunkPlace[]
}

/** Where such a file is read from, and what it must be. */
export interface LargeFile {
  readonly open: () => TextStream
  /** Its whole text, for callers that need all of it. */
  readonly read: () => string
  readonly checksum: string
  readonly refuse: (reason: string) => Error
}

/** A script that is never whole in memory, unless somebody asks for its text. */
export function chunkScript({ size, isolation, limits, chunks }: ChunkLayout, file: LargeFile): SqlScript {
  const { read } = file
  const script = { kind: 'sql', transaction: true, isolation, joinable: false, size, statements: [], read } as const
  return { ...script, ...(limits ? { limits } : {}), chunks: () => readChunks(file, chunks) }
}

/** Reads a large file once from beginning to end; throws when it is not the one that was compiled. */
function* readChunks({ open, checksum, refuse }: LargeFile, chunks: readonly ChunkPlace[]): Generator<Chunk> {
  const stream = open()
  try {
    const window = openWindow(stream.read)
    for (const [start, end, line, statements, dataStart, dataEnd] of chunks) {
      while (window.base + window.length < end && !window.final) fill(window, Math.max(window.base, start))
      if (window.base + window.length < end) break
      const sql = textBetween(window, start, end)
      const chunk = { sql, line, statements, offsetOf: (statement: number) => offsetOf(sql, statement) }
      if (dataStart === undefined || dataEnd === undefined) yield chunk
      else yield { ...chunk, data: readData(window, dataStart, dataEnd) }
    }
    while (stream.read() !== null);
    if (stream.checksum() !== checksum) throw refuse('it is not the file that was compiled')
  } finally {
    stream.close()
  }
}

/** To be read before the next chunk is asked for. */
function* readData(window: Window, start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end;) {
    if (window.base + window.length <= at) {
      if (window.final) return
      fill(window, Math.max(window.base, at))
      continue
    }
    const until = Math.min(end, window.base + window.length)
    // A copy, because the window goes on.
    yield Buffer.from(window.bytes.subarray(at - window.base, until - window.base))
    at = until
  }
}

/** Where a statement begins; looked for only when it has failed. */
function offsetOf(sql: string, statement: number): number | undefined {
  const starts: number[] = []
  const bytes = Buffer.from(sql)
  split(wholeWindow(bytes), { statement: ({ start }) => void starts.push(start) })
  const start = starts[statement]
  return start === undefined ? undefined : bytes.toString('utf8', 0, start).length
}
