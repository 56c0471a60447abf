import { existsSync, readFileSync, statSync } from 'node:fs'
import { Failure, type Problem } from '../errors.ts'
import { decode } from './text.ts'

/** Throws INVALID when there is no such folder. */
export function requireFolder(dir: string, shown: string, what: string, setting: string): void {
  if (existsSync(dir) && statSync(dir).isDirectory()) return
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
    return { problem: { what: `${shown} cannot be read`, next: (error as Error).message } }
  }
  const decoded = decode(bytes)
  if ('text' in decoded) return decoded
  const before = bytes.subarray(0, decoded.offset).toString('latin1').split('\n')
  const place = { file: shown, line: before.length, column: before.at(-1)!.length + 1, text: '' }
  return { problem: { what: decoded.problem, place, next: 'Save the file as UTF-8.' } }
}
