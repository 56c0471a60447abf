import { type RehearsedMigration, type RehearsedStatement, blocks, spellMode } from '../rehearsal.ts'
import { byTransaction } from '../verdict.ts'
import { escapeHtml } from './escape-html.ts'
import { type NamedLock, strongest, tellMs } from './lines.ts'

const width = 1000
const labels = 330
const rowHeight = 20
const barHeight = 12
/** A bar that is shorter would not be seen. */
const narrowest = 2

/** One bar: from when to when, in milliseconds of the migration. */
interface Bar {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly look: 'statement' | 'everybody' | 'writers' | 'nobody'
  readonly title: string
}

/** When which statement ran and how long which lock was held, as a picture; nothing for a migration without statements. */
export function renderTimeline({ name, statements, commitMs }: RehearsedMigration): string {
  const bars = barsOf(statements, commitMs ?? 0)
  if (bars.length === 0) return ''
  const end = Math.max(...bars.map(({ to }) => to), 0.001)
  const at = (ms: number) => labels + (ms / end) * (width - labels - 10)
  const height = (bars.length + 1) * rowHeight + 8
  const rows = bars.map(({ label, from, to, look, title }, i) => {
    const y = i * rowHeight + 4
    const [x, length] = [at(from), Math.max(narrowest, at(to) - at(from))]
    return `<text x="0" y="${y + 11}">${escapeHtml(shorten(label))}</text><rect class="${look}" x="${x.toFixed(1)}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"><title>${escapeHtml(title)}</title></rect>`
  })
  const foot = bars.length * rowHeight + 16
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`timeline of ${name}`)}">
<line class="axis" x1="${labels}" y1="0" x2="${labels}" y2="${bars.length * rowHeight}"/>
${rows.join('\n')}
<text class="soft" x="${labels}" y="${foot}">0</text><text class="soft" x="${width}" y="${foot}" text-anchor="end">${escapeHtml(tellMs(end))}</text>
</svg>`
}

function barsOf(statements: readonly RehearsedStatement[], commitMs: number): Bar[] {
  const start = Math.min(...statements.map(({ beginMs }) => beginMs))
  return byTransaction(statements).flatMap((group) => {
    const last = group.at(-1)!
    const over = last.beginMs + last.ms + commitMs - start
    return [...group.map((one) => statementBar(one, start)), ...group.flatMap((one) => lockBars(one, start, over))]
  })
}

function statementBar({ line, sql, beginMs, ms }: RehearsedStatement, start: number): Bar {
  const from = beginMs - start
  const label = `line ${line}: ${sql.replace(/\s+/g, ' ')}`
  return { label, from, to: from + ms, look: 'statement', title: `${tellMs(ms)}: ${sql.slice(0, 300)}` }
}

function lockBars({ beginMs, locks, transaction, ms }: RehearsedStatement, start: number, over: number): Bar[] {
  const from = beginMs - start
  const to = transaction === null ? from + ms : over
  return strongest(locks).flatMap((lock) => (lock.existing ? [{ ...lookOf(lock), from, to }] : []))
}

function lookOf({ mode, name }: NamedLock): Pick<Bar, 'label' | 'look' | 'title'> {
  const whom = blocks(mode)
  const label = `${spellMode(mode)} ${name}`
  const look = whom === null ? 'nobody' : whom === 'writers' ? 'writers' : 'everybody'
  return {
    label,
    look,
    title: `${label}: ${whom === null ? 'keeps nobody from reading or writing' : `keeps ${whom} away`}`,
  }
}

const longestLabel = 46

function shorten(text: string): string {
  const all = [...text]
  return all.length <= longestLabel ? text : `${all.slice(0, longestLabel - 1).join('')}…`
}
