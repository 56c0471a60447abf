import { join, resolve } from 'node:path'
import type { Problem } from '../errors.ts'
import { emptyCatalog } from './catalog.ts'
import { checkSql } from './check.ts'
import { finding } from './checks/finding.ts'
import { readText } from './files.ts'
import type { SourceMigration } from './layouts/plain.ts'
import { blank } from './parts.ts'

const mostBlankLines = 2_000
const marker = /^--[ \t]*upfront:down[ \t]*$/m

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
}

/** The down of a migration, from its file or its own one. */
export function compileDown(dir: string, shown: string, source: SourceMigration, section: string | null): CompiledDown {
  if (source.downFile === null) {
    if (section === null) return { sql: null, problems: [], notices: [] }
    const { sql, ...rest } = check(join(shown, source.file), section)
    // Its blank lines stay, so that its lines are those of the file, also when it comes from the history; not thousands.
    const down = sql.trimStart()
    return { sql: sql.length - down.length > mostBlankLines ? down : sql, ...rest }
  }
  const file = join(shown, source.downFile)
  if (section !== null) {
    const what = `${source.name} has two downs: ${file}, and a part after "-- upfront:down"`
    return { sql: null, problems: [finding('down', what, undefined, 'Keep one of them.')], notices: [] }
  }
  const read = readText(resolve(dir, source.downFile), file)
  if ('problem' in read) return { sql: null, problems: [read.problem], notices: [] }
  return check(file, read.text)
}

/** The text to run: what the history keeps of a down is that. */
function check(file: string, text: string): CompiledDown & { readonly sql: string } {
  const { layout, problems, notices } = checkSql(file, text, 'down', emptyCatalog())
  const sql = blank(
    text,
    layout.blanks.map(([start, end]) => ({ start, end })),
  )
  return { sql, problems, notices }
}
