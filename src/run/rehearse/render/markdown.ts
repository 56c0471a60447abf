import { printable } from '../../../report/printable.ts'
import { formatBytes, formatRows } from '../format-bytes.ts'
import type { Rehearsal, RehearsedMigration } from '../rehearsal.ts'
import { type Verdict, worst } from '../verdict.ts'
import { brief, tellChanges, tellHow, tellLine, tellLocks, tellMs, tellStage, tellWork } from './lines.ts'

/** What GitHub takes as one comment, less the line that says that something is left out. */
const longestComment = 65_536 - 200

/** The rehearsal as a comment for a pull request: the verdict first, the rest folded, and of what is too long the beginning. */
export function renderMarkdown(rehearsal: Rehearsal, verdicts: readonly Verdict[]): string {
  const { migrations, sizes, difference, notes } = rehearsal
  const changes = difference ? tellChanges(difference) : []
  const blocks = [
    `### Rehearsal of the migrations: ${worst(verdicts)}`,
    text(tellStage(rehearsal)),
    ...chunked(
      verdicts.map(({ level, migration, line, words }) => [level, line === null ? migration : `${migration}, line ${line}`, words]), // prettier-ignore
      ['verdict', 'migration', 'what it does'],
    ),
    ...notes.map((note) => `> ${text(note)}`),
    ...migrations.map(migrationBlock),
    ...(sizes.size > 0
      ? [fold('Tables on the target', table([...sizes].map(([name, { rows, bytes }]) => [name, formatRows(rows), formatBytes(bytes)]), ['table', 'rows', 'size']))] // prettier-ignore
      : []),
    ...(changes.length > 0
      ? [fold('What the schema becomes', changes.map(({ sign, text: words }) => `- ${sign === '~' ? 'changed' : sign === '+' ? 'new' : 'gone'}: ${text(words)}`).join('\n'))] // prettier-ignore
      : []),
  ]
  return fitting(blocks)
}

function fitting(blocks: readonly string[]): string {
  let length = 0
  const taken = blocks.filter((block) => {
    if (length + block.length + 2 > longestComment) return false
    length += block.length + 2
    return true
  })
  const left = blocks.length - taken.length
  return [...taken, ...(left === 0 ? [] : [`_${left} part${left === 1 ? ' is' : 's are'} too long for a comment: \`upfront rehearse --html\` has all._`])].join('\n\n') // prettier-ignore
}

/** Tables of at most a hundred rows, so that one that is too long loses its end only. */
function chunked(rows: readonly (readonly string[])[], header: readonly string[]): string[] {
  const size = 100
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) =>
    table(rows.slice(i * size, (i + 1) * size), header),
  )
}

function migrationBlock(migration: RehearsedMigration): string {
  const rows = migration.statements.map((one) => [
    tellLine(one),
    tellMs(one.ms),
    brief(one.sql),
    tellWork(one.work).join('; '),
    tellLocks(one.locks).join('; '),
  ])
  if (migration.failed) rows.push([String(migration.failed.place?.line ?? ''), '', 'failed', '', ''])
  const title = `${migration.name} (${tellHow(migration)})`
  return fold(title, table(rows, ['line', 'took', 'statement', 'what it does', 'and locks until the commit']))
}

function fold(title: string, body: string): string {
  return `<details><summary>${text(title)}</summary>\n\n${body}\n\n</details>`
}

function table(rows: readonly (readonly string[])[], header: readonly string[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map((cells) => line(cells.map(text)))].join('\n')
}

/** Nothing of a text is markup: not in a table, not as HTML, and no @ calls anybody. */
function text(words: string): string {
  return printable(words)
    .replace(/[&<>]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one]!)
    .replace(/[\\`*_{}[\]|~#!$]/g, '\\$&')
    .replace(/@/g, '@\u200b')
    .replace(/:\/\//g, ':\u200b//')
}
