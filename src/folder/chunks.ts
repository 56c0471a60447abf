import type { Piece } from '../migration.ts'
import { type Window, fill, openWindow, textBetween, wholeWindow } from '../sql/lex/window.ts'
import { split } from '../sql/split.ts'
import type { TextStream } from './text-stream.ts'

/** A piece of a large file, in bytes of the normalised text: where it begins and ends, its line, its COPY's data. */
export type PackedPiece = readonly [
  start: number,
  end: number,
  line: number,
  statements: number,
  dataStart?: number,
  dataEnd?: number,
]

/** Reads a large file once from beginning to end; `refuse` is thrown when it is not the one that was compiled. */
export function* readPieces(
  open: () => TextStream,
  pieces: readonly PackedPiece[],
  checksum: string,
  refuse: (reason: string) => Error,
): Generator<Piece> {
  const stream = open()
  try {
    const window = openWindow(stream.read)
    for (const [start, end, line, statements, dataStart, dataEnd] of pieces) {
      while (window.base + window.length < end && !window.final) fill(window, Math.max(window.base, start))
      if (window.base + window.length < end) break
      const sql = textBetween(window, start, end)
      const piece = { sql, line, statements, offsetOf: (statement: number) => offsetOf(sql, statement) }
      if (dataStart === undefined || dataEnd === undefined) yield piece
      else yield { ...piece, data: readData(window, dataStart, dataEnd) }
    }
    while (stream.read() !== null);
    if (stream.checksum() !== checksum) throw refuse('it is not the file that was compiled')
  } finally {
    stream.close()
  }
}

/** To be read before the next piece is asked for. */
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

/** Where a statement begins, found when it is asked for: that is when it has failed. */
function offsetOf(sql: string, statement: number): number | undefined {
  const starts: number[] = []
  const bytes = Buffer.from(sql)
  split(wholeWindow(bytes), { statement: ({ start }) => void starts.push(start) })
  const start = starts[statement]
  return start === undefined ? undefined : bytes.toString('utf8', 0, start).length
}
