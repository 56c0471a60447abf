import type { Problem } from '../../errors.ts'
import type { Identity, Migration } from '../../migration.ts'
import { readText } from '../files.ts'
import { checksum } from '../text.ts'

/** A migration that a bundle knows of, so that it can be known as applied, and that no run can begin. */
type Known = Migration & Required<Pick<Identity, 'cannotRun'>>

/** Code of another tool; a problem when it cannot even be read. */
export function knowCode(
  one: Required<Pick<Identity, 'name' | 'file' | 'cannotRun'>>,
  path: string,
): { readonly known: Known; readonly notice: Problem } | { readonly problem: Problem } {
  const read = readText(path, one.file)
  if ('problem' in read) return { problem: { ...read.problem, name: one.name } }
  const { what, next } = one.cannotRun
  return {
    known: { ...one, checksum: checksum(read.text), script: { kind: 'module', path }, creates: [], down: null },
    notice: { what: sayRefused(what), ...(next ? { next } : {}), name: one.name },
  }
}

/** SQL of another tool in which something is wrong: only a database knows whether it was applied, by hand perhaps. */
export function knowSql(
  one: Pick<Migration, 'name' | 'file' | 'checksum' | 'down'>,
  path: string,
  [first, ...more]: readonly Problem[],
): Known {
  const { name: _name, ...problem } = first!
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  const cannotRun = { ...problem, what: `${problem.what}${others}` }
  return { ...one, script: { kind: 'module', path }, creates: [], cannotRun }
}

/** What compile says of something for which a run would be refused. */
export function sayRefused(what: string): string {
  return `${what}, so it is refused while it is pending`
}
