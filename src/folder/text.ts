import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

/** What the database gets to see of a file's bytes, or why it cannot be read as SQL. */
export type Decoded = { readonly text: string } | { readonly problem: string; readonly offset: number }

/** UTF-8 without its byte order mark and with LF for CRLF, nothing else changed; strict, because a wrong byte would
 * silently become another character. */
export function decodeText(bytes: Buffer): Decoded {
  const utf16 = utf16Problem(bytes)
  if (utf16 !== null) return { problem: utf16, offset: 0 }
  const nul = bytes.indexOf(0)
  if (nul !== -1) return { problem: nulProblem, offset: nul }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { text: text.includes('\r') ? text.replaceAll('\r\n', '\n') : text }
  } catch {
    return { problem: utf8Problem, offset: firstInvalid(bytes) }
  }
}

/** What is wrong with bytes that are not the text they should be. */
export const nulProblem = 'a NUL byte: the file is not UTF-8 text (UTF-16 without its mark?)'
export const utf8Problem = 'a byte that is not UTF-8'

/** The same of a file that begins with the mark of UTF-16, else null. */
export function utf16Problem(bytes: Buffer): string | null {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0)
  return mark === 0xfffe || mark === 0xfeff ? 'the file is UTF-16, not UTF-8' : null
}

/** The promise of docs/formats.md: a checksum of the normalised text, with its algorithm in its name. */
export function checksum(text: string | Buffer): string {
  return `v1:sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** The checksum of a large file's text, read chunk by chunk. */
export function checksumOfFile(path: string): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  const buffer = Buffer.alloc(1 << 16)
  try {
    /** A CR at the end of a chunk, which may belong to an LF of the next. */
    let held = false
    for (let first = true, read = readSync(file, buffer); read > 0; first = false, read = readSync(file, buffer)) {
      const chunk = buffer.subarray(0, read)
      if (held && chunk[0] !== lineFeed) hash.update('\r')
      held = chunk[read - 1] === carriageReturn
      let from = first && chunk.subarray(0, 3).equals(byteOrderMark) ? 3 : 0
      const end = held ? read - 1 : read
      for (let at = chunk.indexOf(carriageReturn); at !== -1 && at < end; at = chunk.indexOf(carriageReturn, at + 1)) {
        if (chunk[at + 1] !== lineFeed) continue
        hash.update(chunk.subarray(from, at))
        from = at + 1
      }
      hash.update(chunk.subarray(from, end))
    }
    if (held) hash.update('\r')
  } finally {
    closeSync(file)
  }
  return `v1:sha256:${hash.digest('hex')}`
}

const [lineFeed, carriageReturn] = [10, 13]
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** One digest of a list of things that have names and checksums, and of which of them wait for the older version to be gone. */
export function digest(
  entries: readonly { readonly name: string; readonly checksum: string; readonly contract?: true }[],
): string {
  const hash = createHash('sha256')
  for (const { name, checksum, contract } of entries)
    hash.update(`${name}\n${checksum}\n${contract ? 'contract\n' : ''}`)
  return `v1:sha256:${hash.digest('hex')}`
}

/** Where the first byte is that is not UTF-8. */
export function firstInvalid(bytes: Buffer): number {
  // Decoding replaces the first wrong byte by U+FFFD; a file that really holds that character has it as EF BF BD.
  const good = Buffer.from(bytes.toString('utf8'), 'utf8')
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== good[at]) return at
  return bytes.length
}
