import { join, resolve } from 'node:path'
import type { Problem } from '../errors.ts'
import { readText } from './files.ts'
import type { SourceMigration } from './layouts/plain.ts'
import { parseSql } from './sql.ts'

const marker = /^--[ \t]*upfront:down[ \t]*$/m

/** A file's two parts: what runs, and what takes it back, from its line `-- upfront:down` on. */
export function splitDown(text: string): { readonly up: string; readonly section: string | null } {
  const found = marker.exec(text)
  if (!found) return { up: text, section: null }
  // Blank lines in front keep the places of the down part those of the file.
  const before = text.slice(0, found.index)
  return { up: before, section: before.replace(/[^\n]/g, '') + text.slice(found.index) }
}

/** The down of a migration, from its file or its own one; checked like everything else. */
export function compileDown(
  dir: string,
  shown: string,
  source: SourceMigration,
  section: string | null,
): { readonly sql: string | null; readonly problems: readonly Problem[] } {
  if (source.downFile === null) {
    if (section === null) return { sql: null, problems: [] }
    return { sql: section.trimStart(), problems: parseSql(join(shown, source.file), section).problems }
  }
  const file = join(shown, source.downFile)
  if (section !== null) {
    const what = `${source.name} has two downs: ${file}, and a part after "-- upfront:down"`
    return { sql: null, problems: [{ what, next: 'Keep one of them.' }] }
  }
  const read = readText(resolve(dir, source.downFile), file)
  if ('problem' in read) return { sql: null, problems: [read.problem] }
  return { sql: read.text, problems: parseSql(file, read.text).problems }
}
