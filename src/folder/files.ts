import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { refuseEncoding } from '../checks/rules/encoding.ts'
import { Failure, type Problem } from '../errors.ts'
import { requireOpen } from './closed.ts'
import { decodeText } from './text.ts'

/** Throws INVALID when there is no such folder, or one that the user of this process may not read. */
export function requireFolder(dir: string, shown: string, what: string, setting: string): void {
  if (existsSync(dir) && statSync(dir).isDirectory()) return requireOpen(dir, shown)
  throw new Failure('INVALID', `there is no ${what} folder ${shown}`, {
    next: `Mount it there (-v ./${what}:/${what}:ro), copy it into the image, or set ${setting}.`,
  })
}

/** The normalised text of a file, or the problem it has. */
export function readText(path: string, shown: string): { readonly text: string } | { readonly problem: Problem } {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    return { problem: unreadable(shown, error) }
  }
  const decoded = decodeText(bytes)
  if ('text' in decoded) return decoded
  const place = { file: shown, ...placeOfByte(path, decoded.offset), text: '' }
  return { problem: refuseEncoding(decoded.problem, place) }
}

/** A file that is there and cannot be read. */
export function unreadable(shown: string, error: unknown): Problem {
  return { what: `${shown} cannot be read`, next: (error as Error).message }
}

/** The line and the column, in characters, of a byte in a file. */
export function placeOfByte(path: string, offset: number): { readonly line: number; readonly column: number } {
  const file = openSync(path, 'r')
  const buffer = Buffer.alloc(1 << 16)
  try {
    let line = 1
    let column = 1
    for (let at = 0; at < offset;) {
      const read = readSync(file, buffer, 0, Math.min(buffer.length, offset - at), at)
      if (read === 0) break
      for (const byte of buffer.subarray(0, read)) {
        if (byte === 10) [line, column] = [line + 1, 1]
        else if ((byte & 0xc0) !== 0x80) column += 1
      }
      at += read
    }
    return { line, column }
  } finally {
    closeSync(file)
  }
}
