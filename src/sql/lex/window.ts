import { newline } from './token.ts'

/** The part of a text that is in memory; offsets without a name are from the beginning of the text, in bytes. */
export interface Window {
  bytes: Buffer
  /** How many of the bytes count. */
  length: number
  /** The offset of the first byte. */
  base: number
  /** How many newlines there are before the first byte. */
  newlines: number
  /** Whether the text ends where the window does. */
  final: boolean
  readonly read: () => Buffer | null
}

/** More than the largest statement, so that one that is too large is noticed before the window doubles again. */
const mostAtOnce = 65 << 20
const manyBytes = 4 << 20

/** A window on what `read` gives until it gives null; `read` may use its buffer again. */
export function openWindow(read: () => Buffer | null): Window {
  return { bytes: Buffer.allocUnsafe(1 << 18), length: 0, base: 0, newlines: 0, final: false, read }
}

/** A window on a text that is in memory whole. */
export function wholeWindow(bytes: Buffer): Window {
  return { bytes, length: bytes.length, base: 0, newlines: 0, final: true, read: () => null }
}

/** Drops what is before `keep` and reads at least as much as remains, so that a long token takes no quadratic time. */
export function fill(window: Window, keep: number): void {
  const gone = Math.min(keep - window.base, window.length)
  if (gone > 0) {
    window.newlines += countNewlines(window.bytes, 0, gone)
    window.bytes.copyWithin(0, gone, window.length)
    window.base += gone
    window.length -= gone
  }
  const wanted = Math.max(window.length + 1, Math.min(window.length * 2, mostAtOnce))
  while (!window.final && window.length < wanted) {
    const chunk = window.read()
    if (chunk === null) window.final = true
    else append(window, chunk)
  }
}

/** The line of an offset in the window, from 1. */
export function lineAt(window: Window, offset: number): number {
  return window.newlines + countNewlines(window.bytes, 0, offset - window.base) + 1
}

/** What stands between two offsets in the window. */
export function textBetween(window: Window, start: number, end: number): string {
  return window.bytes.toString('utf8', start - window.base, end - window.base)
}

function append(window: Window, chunk: Buffer): void {
  const length = window.length + chunk.length
  if (length > window.bytes.length) {
    // Memory that is not touched costs nothing, a copy of megabytes does.
    const size = length > manyBytes ? mostAtOnce * 2 : window.bytes.length * 2
    const larger = Buffer.allocUnsafe(Math.max(length, size))
    window.bytes.copy(larger, 0, 0, window.length)
    window.bytes = larger
  }
  chunk.copy(window.bytes, window.length)
  window.length = length
}

function countNewlines(bytes: Buffer, start: number, end: number): number {
  let count = 0
  for (let at = bytes.indexOf(newline, start); at !== -1 && at < end; at = bytes.indexOf(newline, at + 1)) count += 1
  return count
}
