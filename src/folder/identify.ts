import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import type { Problem } from '../errors.ts'
import { isMarkedContract } from '../sql/contract-mark.ts'
import { downMarker } from './down-marker.ts'
import { readText } from './files.ts'
import type { Parts } from './layouts/layout.ts'
import { openSource, problemOfReading } from './text-stream.ts'
import { checksum } from './text.ts'

const [carriageReturn, byteOrderMark] = ['\r', Buffer.from([0xef, 0xbb, 0xbf])]
const buffer = Buffer.allocUnsafeSlow(64 << 10)

/** A checksum and whether the text bears the mark of a contract migration, or why there is none. */
export type Identified = { readonly checksum: string; readonly contract: boolean } | { readonly problem: Problem }

/** The checksum of a file as the history keeps it, to its down part or to its end; nothing is parsed. */
export function identify(path: string, shown: string, untilDown: boolean): Identified {
  try {
    const bytes = readSmall(path)
    // What is longer has its beginning in the buffer.
    const contract = isMarked(bytes ?? buffer)
    const isWhole = bytes !== null && isPlain(bytes, untilDown)
    return { checksum: isWhole ? `v1:sha256:${hash('sha256', bytes)}` : readOn(path, untilDown), contract }
  } catch (error) {
    const problem = problemOfReading(shown, error)
    if (problem) return { problem }
    throw error
  }
}

/** The same of a file whose parts another tool has marked: of what runs. */
export function identifyParts(path: string, shown: string, parts: (text: string) => Parts): Identified {
  const read = readText(path, shown)
  if ('problem' in read) return read
  const { up, identity = up } = parts(read.text)
  return { checksum: checksum(identity), contract: isMarkedContract(read.text) }
}

/** Nearly no file bears the mark, so the bytes are asked before they become a text. */
function isMarked(bytes: Buffer): boolean {
  return bytes.includes('upfront:contract') && isMarkedContract(bytes.toString())
}

/** Whether a SQL file says of itself that it waits until nothing of the version before is left. */
export function bearsContractMark(path: string): boolean {
  return isMarked(readSmall(path) ?? buffer)
}

/** The bytes of a file, good until the next is read; null when it is larger than the buffer. */
function readSmall(path: string): Buffer | null {
  const file = openSync(path, 'r')
  try {
    for (let length = 0; length < buffer.length;) {
      const read = readSync(file, buffer, length, buffer.length - length, null)
      if (read === 0) return buffer.subarray(0, length)
      length += read
    }
    return null
  } finally {
    closeSync(file)
  }
}

/** Whether the bytes are the normalised text already, as nearly all are. */
function isPlain(bytes: Buffer, untilDown: boolean): boolean {
  return (
    isUtf8(bytes) &&
    !bytes.includes(0) &&
    !bytes.includes(carriageReturn) &&
    !bytes.subarray(0, 3).equals(byteOrderMark) &&
    !(untilDown && bytes.includes(downMarker))
  )
}

function readOn(path: string, untilDown: boolean): string {
  const stream = openSource(path, untilDown)
  try {
    while (stream.read() !== null);
    return stream.checksum()
  } finally {
    stream.close()
  }
}
