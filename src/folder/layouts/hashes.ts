import { createHash } from 'node:crypto'

/** The hashes of a text as it is, and as git may have checked it out elsewhere: with LF, and with CRLF. */
export function hashesOf(bytes: Buffer, algorithm: 'sha256' | 'sha384'): string[] {
  const unix = bytes.toString('utf8').replaceAll('\r\n', '\n')
  const texts = [bytes, unix, unix.replaceAll('\n', '\r\n')]
  return [...new Set(texts.map((text) => createHash(algorithm).update(text).digest('hex')))]
}
