import { Failure } from '../../errors.ts'
import { describeFailure } from '../../report/failure.ts'
import { printable } from '../../report/printable.ts'
import type { Redact } from '../../report/redact.ts'
import type { Examined } from './advice.ts'
import type { ExaminedDatabase, ExaminedServer } from './database.ts'
import type { FindingsOfRule } from './findings.ts'
import type { ExaminedFolder, ExaminedSeeds } from './folder.ts'

/** A line of a section: its label, empty below one that goes on, and what there is to say. */
type Row = readonly [label: string, text: string]

const labelWidth = 12
const mostRules = 12
const mostNames = 3
const mostOfEach = 4

/** Everything on one page for people. */
export function renderPage(examined: Examined, redact: Redact): string {
  const { folder, database, advice } = examined
  return [
    section('folder', folderRows(folder)),
    section('database', database ? databaseRows(database) : unnamedRows(examined.unnamed ?? '')),
    section('upfront up', [
      ['would', advice.outlook],
      ...advice.failures.flatMap((failure) => problemRows(failure, redact)),
      ...advice.hints.map((hint): Row => ['hint', hint]),
    ]),
    ...(advice.dockerfile === null ? [] : [`Dockerfile\n${advice.dockerfile.replace(/^(?=.)/gm, '  ')}`]),
  ].join('\n\n')
}

function section(title: string, rows: readonly Row[]): string {
  return [title, ...rows.map(([label, text]) => `  ${label.padEnd(labelWidth)}  ${text}`.trimEnd())].join('\n')
}

function folderRows(folder: ExaminedFolder): Row[] {
  const { whose, marks, seeds, findings } = folder
  return [
    ['migrations', describeMigrations(folder)],
    ...(whose ? [['format', `${whose.format}, ${printable(whose.by)}`] as const] : []),
    ...marks.map(([format, mark]): Row => ['format', `${format}? by ${printable(mark)}`]),
    ...(seeds ? [['seeds', describeSeeds(seeds)] as const] : []),
    ...findingRows(findings),
  ]
}

function describeMigrations({ shown, isThere, isCompiled, migrations, repeatable }: ExaminedFolder): string {
  const many = repeatable > 0 ? `${migrations} and ${repeatable} repeatable` : `${migrations}`
  const count = migrations === null ? (isThere ? 'cannot be listed' : 'there is no such folder') : many
  return `${printable(shown)}: ${count}${isCompiled ? ', compiled' : ''}`
}

function describeSeeds({ shown, count, environments, isCompiled }: ExaminedSeeds): string {
  const many = count === null ? '' : `: ${count}`
  const whose = environments.length === 0 ? '' : `, some for ${environments.map(printable).join(', ')} alone`
  return `${printable(shown)}${many}${whose}${isCompiled ? ', compiled' : ''}`
}

function findingRows(findings: readonly FindingsOfRule[]): Row[] {
  if (findings.length === 0) return []
  const shown = findings.slice(0, mostRules)
  const rows = shown.map(({ rule, level, count, example: { what, place } }) => {
    const at = place ? `${printable(place.file)}:${place.line}:${place.column}` : shorten(printable(what))
    return `${level.padEnd(7)}  ${String(count).padStart(3)} ${rule ?? ''}${rule === null ? '' : '  '}${at}`
  })
  const more = findings.length - shown.length
  return [...rows, ...(more > 0 ? [`and ${more} more rules: upfront compile`] : [])].map((text, i): Row => [
    i === 0 ? 'compile' : '',
    text,
  ])
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}

function databaseRows({ target, source, server, isToCreate }: ExaminedDatabase): Row[] {
  const found = server
    ? serverRows(server)
    : [['server', isToCreate ? 'it does not exist yet' : 'no session, see below'] as const]
  return [['target', printable(`${target} (${source})`)], ...found]
}

/** The configuration says it in one line, for a log. */
function unnamedRows(text: string): Row[] {
  const [what = '', ...next] = text.split('; ')
  return [
    ['target', printable(what)],
    ['', `next: ${printable(next.join('; '))}`],
  ]
}

const poolers = {
  none: 'no pooler in between',
  session: 'through a pooler in session mode, which is fine',
  shared: 'through a pooler that shares its connections, where no lock holds',
  unproven: 'through a pooler of which the mode could not be told',
} as const

function serverRows({ version, state, pooler, ours, theirs, isHidden, missing, work }: ExaminedServer): Row[] {
  const server = [`PostgreSQL ${version}`, state, ...(pooler ? [poolers[pooler]] : [])].join(', ')
  const rows = (count: number) => `${count} row${count === 1 ? '' : 's'}`
  const histories = [
    ...(ours ? [`${ours.table}: ${rows(ours.rows)}`] : []),
    ...(theirs ? [`${theirs.table} of ${theirs.from}: ${rows(theirs.rows)}`] : []),
  ]
  return [
    ['server', printable(server)],
    ...(pooler === null
      ? []
      : [['history', printable(histories.join('; ') || (isHidden ? 'may not be read' : 'none yet'))] as const]),
    ...[...(work?.states ?? [])].map(([name, names], i): Row => [
      i === 0 ? 'migrations' : '',
      describeState(name, names),
    ]),
    ...(pooler === null ? [] : rightsRows(missing)),
  ]
}

function describeState(state: string, names: readonly string[]): string {
  const newest = state === 'applied' || state.startsWith('adopted') ? [] : names.slice(0, mostNames).map(printable)
  const more = names.length > newest.length && newest.length > 0 ? ', ...' : ''
  return `${names.length} ${state}${newest.length > 0 ? `: ${newest.join(', ')}${more}` : ''}`
}

function rightsRows(missing: ExaminedServer['missing']): Row[] {
  if (missing.length === 0) return [['privileges', 'all that our tables need']]
  return missing.map(({ what }, i): Row => [i === 0 ? 'privileges' : '', `missing: ${printable(what)}`])
}

/** As the log has it, without what is more than a page takes. */
function problemRows(failure: Failure, redact: Redact): Row[] {
  const { problems = [], list = [] } = failure.facts
  const facts = { ...failure.facts, problems: problems.slice(0, mostOfEach), list: list.slice(0, mostOfEach) }
  const fewer = new Failure(failure.code, failure.message, facts)
  const lines = describeFailure({ type: 'failed', failure: fewer, applied: [], notRun: [] }, redact)
  const body = lines.length > 1 ? lines.slice(1, -1) : []
  const more = Math.max(problems.length, list.length) - mostOfEach
  return [
    [`${failure.exitCode} ${failure.code}`, printable(redact(failure.message))],
    ...body.map(({ text }): Row => ['', text]),
    ...(more > 0 ? [['', `and ${more} more`] as const] : []),
  ]
}
