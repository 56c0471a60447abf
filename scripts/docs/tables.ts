import { allowable } from '../../src/checks/allowable.ts'
import { commands } from '../../src/commands/index.ts'
import { renderSettingsTable } from '../../src/config/describe.ts'
import { failures } from '../../src/errors.ts'
import { eventFields } from '../../src/report/fields.ts'

/** The tables that documents take from the code, by the name in `<!-- generated: name -->`. */
const tables: Readonly<Record<string, () => string>> = {
  settings: renderSettingsTable,
  commands: renderCommandsTable,
  'exit codes': renderExitCodesTable,
  events: renderEventsTable,
  'what may be allowed': renderAllowableTable,
}

/** The document with every part between `<!-- generated: name -->` and `<!-- /generated -->` written anew. */
export function renderGenerated(document: string): string {
  return document.replace(
    /(<!-- generated: ([\w ]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g,
    (_, start: string, name: string, end: string) => {
      const render = tables[name]
      if (!render) throw new Error(`no table is called ${name}: ${Object.keys(tables).join(', ')}`)
      return `${start}\n${render().trim()}\n\n${end}`
    },
  )
}

function renderCommandsTable(): string {
  const rows = Object.entries(commands).flatMap(([name, { summary, aliases = [], flags = {}, operands = [] }]) => [
    [
      `\`${[name, ...operands.map((one) => `<${one}>`)].join(' ')}\``,
      aliases.length ? `${summary}; also \`${aliases.join('`, `')}\`` : summary,
    ],
    ...Object.entries(flags).map(([flag, { value, summary: text }]) => [
      `\`${name} --${flag}${value === undefined ? '' : ` <${value}>`}\``,
      text,
    ]),
  ])
  return table(['command', 'what it does'], rows)
}

function renderExitCodesTable(): string {
  const rows = Object.entries(failures).map(([name, { exit, meaning, retry }]) => [
    String(exit),
    name,
    meaning,
    retry ? 'yes' : 'no',
  ])
  return table(['exit', 'name', 'meaning', 'can retrying help'], [['0', '', 'done, or nothing to do', ''], ...rows])
}

function renderEventsTable(): string {
  const rows = Object.entries(eventFields).map(([name, { level, meaning, fields }]) => [
    `\`${name}\``,
    level,
    meaning,
    fields.map((field) => `\`${field}\``).join(', '),
  ])
  return table(['event', 'level', 'meaning', 'fields'], rows)
}

function renderAllowableTable(): string {
  const rows = Object.entries(allowable).map(([rule, { allowed, why }]) => [
    rule === 'squawk' ? `[squawk/&lt;rule&gt;](#squawk)` : `[${rule}](#${rule})`,
    allowed ? 'yes' : 'no',
    `${why[0]!.toUpperCase()}${why.slice(1)}.`,
  ])
  return table(['rule', 'may be allowed', 'what that means, or why not'], rows)
}

/** A markdown table, aligned as Prettier aligns it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => [...row[column]!].length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell + ' '.repeat(widths[i]! - [...cell].length)).join(' | ')} |`
  return [line(cells[0]!), line(widths.map((width) => '-'.repeat(width))), ...cells.slice(1).map(line)].join('\n')
}
