import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Place } from '../../errors.ts'

/** Where in a module an error came from: the first frame of its stack that is in that file; nothing when none is. */
export function placeInModule(file: string, error: unknown): { readonly place?: Place } {
  const stack = String((error as { stack?: unknown } | null | undefined)?.stack ?? '')
  for (const [, url, line, column] of stack.matchAll(/^ +at .*?(file:\/\/[^\s()]+):(\d+):(\d+)\)?$/gm)) {
    const path = fileURLToPath(url!)
    if (basename(path) !== basename(file)) continue
    return { place: { file, line: Number(line), column: Number(column), text: lineOf(path, Number(line)) } }
  }
  return {}
}

function lineOf(path: string, line: number): string {
  try {
    return readFileSync(path, 'utf8').split(/\r?\n/)[line - 1] ?? ''
  } catch {
    return ''
  }
}
