import { join, resolve } from 'node:path'
import { type Allowance, type Subject, judgeText } from '../checks/allowances.ts'
import { checkSql } from '../checks/check-text.ts'
import { nothingDeclared } from '../checks/declared.ts'
import { finding } from '../checks/finding.ts'
import type { Problem } from '../errors.ts'
import { blank } from '../sql/segments.ts'
import { downLine } from './down-marker.ts'
import { readText } from './files.ts'
import type { SourceMigration } from './layouts/layout.ts'

const mostBlankLines = 2_000
const marker = new RegExp(downLine, 'm')

/** A file's two parts: what runs, and what takes it back, from its line `-- upfront:down` on. */
export function splitDown(text: string): { readonly up: string; readonly section: string | null } {
  const found = marker.exec(text)
  if (!found) return { up: text, section: null }
  // Blank lines in front keep the places of the down part those of the file.
  const before = text.slice(0, found.index)
  return { up: before, section: before.replace(/[^\n]/g, '') + text.slice(found.index) }
}

/** What takes a migration back, checked like everything else; null without. */
export interface CompiledDown {
  readonly sql: string | null
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  /** What the comments of a file of its own allow. */
  readonly own: readonly Allowance[]
}

/** A migration's down, and what is allowed for it. */
export interface DownSource extends Subject {
  readonly dir: string
  readonly shown: string
  readonly source: SourceMigration
  /** The part of the migration's own file. */
  readonly section: string | null
  /** What upfront.allow and the migration's own file allow. */
  readonly allowances: readonly Allowance[]
  readonly ofFile: readonly Allowance[]
}

/** The down of a migration, from its file or its own one. */
export function compileDown(down: DownSource): CompiledDown {
  const { dir, shown, source, section } = down
  if (source.downFile === null) {
    if (section === null) return nothing([])
    const { sql, ...rest } = check(join(shown, source.file), section, {
      ...down,
      allowances: [...down.ofFile, ...down.allowances],
    })
    // A few blank lines stay, so that line numbers are those of the file, even when the text comes from the history.
    const trimmed = sql.trimStart()
    return { sql: sql.length - trimmed.length > mostBlankLines ? trimmed : sql, ...rest }
  }
  const file = join(shown, source.downFile)
  if (section !== null) {
    const what = `${source.name} has two downs: ${file}, and a part after "-- upfront:down"`
    return nothing([{ ...finding('down', what, undefined, 'Keep one of them.'), name: source.name }])
  }
  const read = readText(resolve(dir, source.downFile), file)
  if ('problem' in read) return nothing([{ ...read.problem, name: source.name }])
  return check(file, read.text, down)
}

function nothing(problems: readonly Problem[]): CompiledDown {
  return { sql: null, problems, notices: [], own: [] }
}

/**
 * Checks a text; the `sql` it returns is what runs and what the history keeps, together with what upfront.allow allows.
 */
function check(
  file: string,
  text: string,
  subject: Subject & { readonly allowances: readonly Allowance[] },
): CompiledDown & { readonly sql: string } {
  const { layout, problems, notices, own, makesNames } = checkSql({ file, text, role: 'down' }, nothingDeclared())
  const { refused, allowed } = judgeText(problems, subject, own, makesNames)
  const sql = blank(
    text,
    layout.blanks.map(([start, end]) => ({ start, end })),
  )
  const given = subject.allowances.find(({ rule }) => rule === 'long-name')
  const isNeeded = makesNames || allowed.some(({ rule }) => rule === 'long-name')
  const passes = own.some(({ rule }) => rule === 'long-name') || !given || !isNeeded
  const kept = passes ? sql : `${sql}\n-- upfront:allow long-name ${given.why}\n`
  return { sql: kept, problems: refused, notices: [...notices, ...allowed], own }
}

/** A way back that is wrong must not stop the way forward of a file that its own tool would run. */
export function leaveOutWrong(down: CompiledDown, name: string): CompiledDown {
  if (down.problems.length === 0) return down
  const notices = down.problems.map((one) => ({
    ...one,
    what: `the down of ${name} is wrong and is not kept: ${one.what}`,
  }))
  return { ...down, sql: null, problems: [], notices: [...down.notices, ...notices] }
}
