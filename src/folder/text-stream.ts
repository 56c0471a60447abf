import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { refuseEncoding } from '../checks/rules/encoding.ts'
import type { Problem } from '../errors.ts'
import { downLine, downMarker } from './down-marker.ts'
import { placeOfByte, unreadable } from './files.ts'
import { firstInvalid, utf16Problem, nulProblem, utf8Problem } from './text.ts'

/** The normalised text of a file, step by step; each step's bytes are good until the next is read. */
export interface TextStream {
  /** null at the end, which is before the line `-- upfront:down`. */
  readonly read: () => Buffer | null
  /** Of all that was read. */
  readonly checksum: () => string
  readonly size: () => number
  /** The text from that line on, once the end is reached; null when there is none. */
  readonly section: () => string | null
  readonly close: () => void
}

/** A file that is not UTF-8, and where. */
export class EncodingError extends Error {
  readonly place: { readonly line: number; readonly column: number }

  constructor(message: string, path: string, offset: number) {
    super(message)
    this.place = placeOfByte(path, offset)
  }
}

/** The problem behind an error of reading a file, null when it is another error; `shown` is the file in messages. */
export function problemOfReading(shown: string, error: unknown): Problem | null {
  if (error instanceof EncodingError) return refuseEncoding(error.message, { file: shown, ...error.place, text: '' })
  return (error as NodeJS.ErrnoException).syscall === undefined ? null : unreadable(shown, error)
}

const step = 64 << 10
const longestMarker = 256
const [newline, carriageReturn, dash] = [10, 13, 45]

/** Opens a file as it is in a bundle: normalised when it was written, all of it SQL. */
export function openCompiled(path: string): TextStream {
  const file = openSync(path, 'r')
  const buffer = Buffer.allocUnsafe(step)
  return counted(() => {
    const length = readSync(file, buffer)
    return length === 0 ? null : buffer.subarray(0, length)
  }, file)
}

/** Opens a file as somebody wrote it, to its down part or to its end; a wrong byte is an EncodingError when it is read. */
export function openSource(path: string, untilDown: boolean): TextStream {
  const file = openSync(path, 'r')
  const buffer = Buffer.allocUnsafe(step + longestMarker + 8)
  let held = 0
  let offset = 0
  let ended = false
  let lineBegins = true
  let section: Buffer[] | null = null
  let newlines = 0
  const fail = (problem: string, at: number) => new EncodingError(problem, path, offset + at)
  const read = (): Buffer | null => {
    for (;;) {
      if (ended) return null
      const length = readSync(file, buffer, held, step, null)
      const available = held + length
      let start = 0
      if (offset === 0) {
        if (utf16Problem(buffer.subarray(0, available)) !== null) throw fail(utf16Problem(buffer)!, 0)
        if (available >= 3 && buffer.readUIntBE(0, 3) === 0xefbbbf) start = 3
      }
      const end = length === 0 ? available : holdBack(buffer, start, available, lineBegins)
      const chunk = buffer.subarray(start, end)
      check(chunk, start, fail)
      const text = withoutReturns(chunk)
      ended = length === 0
      offset += end
      const rest = Buffer.from(buffer.subarray(end, available))
      const found = section ? 0 : untilDown ? findMarker(text, lineBegins) : -1
      if (text.length > 0) lineBegins = text[text.length - 1] === newline
      const answer = found === -1 ? text : text.subarray(0, found)
      if (untilDown) newlines += countNewlines(answer)
      if (found !== -1) (section ??= []).push(Buffer.from(text.subarray(found)))
      // The result is copied when bytes are held back, because those move to the beginning of the buffer.
      const result = rest.length > 0 ? Buffer.from(answer) : answer
      rest.copy(buffer)
      held = rest.length
      if (result.length > 0) return result
    }
  }
  // Blank lines in front keep the places of the down part those of the file.
  const down = () => (section ? '\n'.repeat(newlines) + Buffer.concat(section).toString('utf8') : null)
  return { ...counted(read, file), section: down }
}

function countNewlines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count += 1
  return count
}

/** Adds up what is read. */
function counted(read: () => Buffer | null, file: number): TextStream {
  const hash = createHash('sha256')
  let size = 0
  const count = () => {
    const chunk = read()
    if (chunk === null) return null
    hash.update(chunk)
    size += chunk.length
    return chunk
  }
  let digest: string | undefined
  const checksum = () => (digest ??= `v1:sha256:${hash.digest('hex')}`)
  return { read: count, checksum, size: () => size, section: () => null, close: () => closeSync(file) }
}

/** How much does not depend on the next bytes: whole characters, whole line ends, no beginning of the down marker. */
function holdBack(buffer: Buffer, start: number, available: number, lineBegins: boolean): number {
  let end = available
  for (let back = 1; back <= 3 && available - back >= start; back += 1) {
    const byte = buffer[available - back]!
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    if (length > back) end = available - back
    break
  }
  if (end > start && buffer[end - 1] === carriageReturn) end -= 1
  const lineEnd = buffer.subarray(start, end).lastIndexOf(newline)
  const line = start + lineEnd + 1
  const mayBeMarker = (lineEnd !== -1 || lineBegins) && end - line < longestMarker && buffer[line] === dash
  return mayBeMarker && line < end ? line : end
}

function check(chunk: Buffer, start: number, fail: (problem: string, at: number) => Error): void {
  const nul = chunk.indexOf(0)
  if (nul !== -1) throw fail(nulProblem, start + nul)
  if (!isUtf8(chunk)) throw fail(utf8Problem, start + firstInvalid(chunk))
}

/** LF for CRLF, in place. */
function withoutReturns(chunk: Buffer): Buffer {
  let from = chunk.indexOf(carriageReturn)
  if (from === -1) return chunk
  let to = from
  for (; from < chunk.length; from += 1) {
    if (chunk[from] === carriageReturn && chunk[from + 1] === newline) continue
    chunk[to] = chunk[from]!
    to += 1
  }
  return chunk.subarray(0, to)
}

function findMarker(text: Buffer, lineBegins: boolean): number {
  for (let at = text.indexOf(downMarker); at !== -1; at = text.indexOf(downMarker, at + 1)) {
    const start = at === 0 ? 0 : text.lastIndexOf(newline, at - 1) + 1
    const end = text.indexOf(newline, at)
    const line = text.toString('latin1', start, end === -1 ? text.length : end)
    if ((start > 0 || lineBegins) && line.length < longestMarker && downLine.test(line)) return start
  }
  return -1
}
