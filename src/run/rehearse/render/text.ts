import { renderTable } from '../../../report/table.ts'
import { printable } from '../../../report/printable.ts'
import { formatBytes, formatRows } from '../format-bytes.ts'
import type { Rehearsal, RehearsedMigration } from '../rehearsal.ts'
import type { Verdict } from '../verdict.ts'
import { brief, tellChanges, tellHow, tellLine, tellLocks, tellMs, tellStage, tellWork } from './lines.ts'

/** The rehearsal for a terminal: each migration, the tables, what the schema becomes, and the verdict last. */
export function renderText(rehearsal: Rehearsal, verdicts: readonly Verdict[]): string {
  const { migrations, sizes, difference, notes } = rehearsal
  const tables = [...sizes].map(([name, { rows, bytes }]) => [name, formatRows(rows), formatBytes(bytes)])
  const changes = difference ? tellChanges(difference) : []
  return [
    tellStage(rehearsal),
    ...migrations.map(renderMigration),
    ...(tables.length > 0 ? [`on the target\n${renderTable(tables, ['table', 'rows', 'size'])}`] : []),
    ...(changes.length > 0
      ? [`the schema\n${changes.map(({ sign, text }) => `${sign} ${printable(text)}`).join('\n')}`]
      : []),
    ...(notes.length > 0 ? [notes.map((note) => `note: ${printable(note)}`).join('\n')] : []),
    renderTable(
      verdicts.map(({ level, migration, line, words }) => [level, line === null ? migration : `${migration}, line ${line}`, words]), // prettier-ignore
      ['verdict', 'migration', 'what it does'],
    ),
  ].join('\n\n')
}

function renderMigration(migration: RehearsedMigration): string {
  const { kind, name, statements, commitMs, failed } = migration
  const rows = statements.flatMap((one) => {
    const locks = tellLocks(one.locks)
    const work = tellWork(one.work)
    const first = [tellLine(one), tellMs(one.ms), brief(one.sql), work[0] ?? '', locks[0] ?? '']
    const more = Array.from({ length: Math.max(locks.length, work.length, 1) - 1 }, (_, i) => ['', '', '', work[i + 1] ?? '', locks[i + 1] ?? '']) // prettier-ignore
    return [first, ...more]
  })
  if (commitMs !== null) rows.push(['', tellMs(commitMs), 'commit', '', ''])
  if (failed) rows.push([String(failed.place?.line ?? ''), '', 'failed', '', ''])
  const header = ['line', 'took', 'statement', 'what it does', 'and locks until the commit']
  return `${kind} ${printable(name)} (${tellHow(migration)})\n${renderTable(rows, header)}`
}
