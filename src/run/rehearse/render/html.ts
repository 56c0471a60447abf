import { createHash } from 'node:crypto'
import { formatBytes, formatRows } from '../format-bytes.ts'
import type { Rehearsal, RehearsedMigration } from '../rehearsal.ts'
import { type Verdict, worst } from '../verdict.ts'
import { escapeHtml } from './escape-html.ts'
import { tellChanges, tellHow, tellLine, tellLocks, tellMs, tellStage, tellWork } from './lines.ts'
import { renderTimeline } from './timeline.ts'
import { stylesheet } from './stylesheet.ts'

/** The rehearsal as one page that needs nothing else: no script, no other file, and its policy lets none in. */
export function renderHtml(rehearsal: Rehearsal, verdicts: readonly Verdict[]): string {
  const { migrations, sizes, difference, notes } = rehearsal
  const level = worst(verdicts)
  const hash = createHash('sha256').update(stylesheet).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rehearsal: ${level}</title>
<style>${stylesheet}</style>
</head>
<body>
<main>
<h1>Rehearsal: <span class="${level}">${level}</span></h1>
<p>${escapeHtml(tellStage(rehearsal))}</p>
${table('verdicts', ['verdict', 'migration', 'what it does'], verdicts.map(verdictRow))}
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}
${migrations.map(renderMigration).join('\n')}
${
  sizes.size === 0
    ? ''
    : `<h2>Tables on the target</h2>\n${table(
        'sizes',
        ['table', 'rows', 'size'],
        [...sizes].map(([name, { rows, bytes }]) => [name, formatRows(rows), formatBytes(bytes)].map(cell)),
      )}`
}
${difference === null ? '' : `<h2>What the schema becomes</h2>\n${renderChanges(difference)}`}
</main>
</body>
</html>
`
}

function renderMigration(migration: RehearsedMigration): string {
  const { name, kind, statements, failed } = migration
  const rows = statements.map((one) => [
    cell(tellLine(one)),
    cell(tellMs(one.ms)),
    `<pre>${escapeHtml(cut(one.sql))}</pre>`,
    lines(tellWork(one.work)),
    lines(tellLocks(one.locks)),
  ])
  if (failed) rows.push([cell(String(failed.place?.line ?? '')), '', '<strong class="danger">failed</strong>', '', ''])
  return `<section>
<h2>${kind} ${escapeHtml(name)}</h2>
<p>${escapeHtml(tellHow(migration))}</p>
${renderTimeline(migration)}
${table('statements', ['line', 'took', 'statement', 'what it does', 'and locks until the commit'], rows)}
</section>`
}

function verdictRow({ level, migration, line, words }: Verdict): string[] {
  const where = line === null ? migration : `${migration}, line ${line}`
  return [`<strong class="${level}">${level}</strong>`, cell(where), cell(words)]
}

function renderChanges(difference: NonNullable<Rehearsal['difference']>): string {
  const changes = tellChanges(difference)
  if (changes.length === 0) return '<p>It stays as it is.</p>'
  const words = { '+': 'new', '-': 'gone', '~': 'changed' }
  const classes = { '+': 'added', '-': 'removed', '~': 'changed' }
  return `<ul class="changes">\n${changes
    .map(({ sign, text }) => `<li class="${classes[sign]}"><b>${words[sign]}</b> <code>${escapeHtml(text)}</code></li>`)
    .join('\n')}\n</ul>`
}

/** Cells are HTML already. */
function table(name: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = `<tr>${header.map((one) => `<th scope="col">${escapeHtml(one)}</th>`).join('')}</tr>`
  const body = rows.map((cells) => `<tr>${cells.map((one) => `<td>${one}</td>`).join('')}</tr>`).join('\n')
  return `<div class="scroll"><table class="${name}">\n<thead>${head}</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`
}

const longestShown = 4_000

function cut(sql: string): string {
  return sql.length <= longestShown
    ? sql
    : `${sql.slice(0, longestShown)}\n… ${sql.length - longestShown} more characters`
}

function lines(all: readonly string[]): string {
  return all.map(escapeHtml).join('<br>')
}

const cell = escapeHtml
