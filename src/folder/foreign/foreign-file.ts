import { isForeign } from '../layouts/choose.ts'
import type { Layout, Parts, SourceMigration } from '../layouts/layout.ts'
import type { Role } from '../../checks/check-statement.ts'
import { type CheckedSql, checkSql } from '../../checks/check-text.ts'
import type { Declared } from '../../checks/declared.ts'
import { finding } from '../../checks/finding.ts'
import type { Problem } from '../../errors.ts'
import { splitDown } from '../down.ts'
import { refuseForeignMarks } from './foreign-marks.ts'

/** How another tool runs a file. */
export interface ForeignFile {
  /** Takes the text apart, where the tool has marked its parts. */
  readonly parts?: ((text: string) => Parts) | undefined
  /** Whether the tool runs it outside a transaction, as far as that is not said in its parts. */
  readonly outside: boolean
  /** Whether a statement that no transaction may hold makes the tool leave its transaction. */
  readonly leavesTransactions: boolean
}

interface Source {
  readonly file: string
  readonly role: Role
  readonly foreign?: ForeignFile | undefined
}

/** A text as what runs, and what takes it back. */
interface Apart {
  readonly up: string
  readonly section: string | null
  /** What its checksum is of. */
  readonly identity: string
  /** Whether another tool runs it outside a transaction. */
  readonly outside: boolean
  /** What is wrong with that tool's marks. */
  readonly marks: readonly Problem[]
}

/** Takes a text apart by our own line `-- upfront:down`, or by the marks of another tool. */
export function takeApart(text: string, { file, role, foreign }: Source): Apart {
  if (!foreign?.parts) {
    const { up, section } = role === 'migration' && !foreign ? splitDown(text) : { up: text, section: null }
    const marks = role === 'migration' && !foreign ? refuseForeignMarks(file, up) : []
    return { up, section, identity: up, outside: foreign?.outside ?? false, marks }
  }
  const { up, identity = up, down, outside, downOutside, problems } = foreign.parts(text)
  const lines = text.split('\n')
  const marks = problems.map(({ line, what, next }) =>
    finding('directive', what, { file, line, column: 1, text: lines[line - 1] ?? '' }, next),
  )
  const section = down !== null && downOutside ? sayOutside(down) : down
  return { up, section, identity, outside: outside || foreign.outside, marks }
}

/** A down may run from the history, which has nothing but its text: so the text has to say it. */
function sayOutside(down: string): string {
  return `-- upfront:no-transaction${/^[ \t]*(\n|$)/.test(down) ? '' : '\n'}${down}`
}

/** Checks what runs. A file of another tool may end its transactions itself: then each of those is a unit of its own. */
export function checkUp(
  { file, role, foreign }: Source,
  text: string,
  outside: boolean,
  declared: Declared,
): CheckedSql {
  const checked = checkSql({ file, text, role, outside }, declared)
  if (!foreign || outside) return checked
  const leaving = ['transaction-control', ...(foreign.leavesTransactions ? ['alone'] : [])]
  const leaves = checked.problems.some(({ rule }) => leaving.includes(rule ?? ''))
  return leaves ? checkSql({ file, text, role, outside: true }, declared) : checked
}

/** How the tool runs the file; undefined for a file of ours. */
export function foreignFile(layout: Layout, { parts, outside }: SourceMigration): ForeignFile | undefined {
  if (!isForeign(layout)) return undefined
  return { parts, outside: outside ?? false, leavesTransactions: layout.leavesTransactions ?? false }
}
