import { connectionExample } from './database/connection.ts'
import { databaseNames, flagOf, settingNames, settings, shadowName } from './settings.ts'
import type { Setting } from './setting.ts'
import type { SettingName } from './settings.ts'

/** The settings as a markdown table, aligned as Prettier aligns it. */
export function renderSettingsTable(): string {
  const rows = settingNames.map((name) => {
    return [`\`${name}\``, `\`--${flagOf(name)}\``, describeDefault(name, '`'), describeMeaning(name)]
  })
  return renderTable(['setting', 'flag', 'default', 'meaning'], rows)
}

/** The settings as the flags of a help text, one a line, without indentation of its own. */
export function renderFlagsHelp(): string {
  const flags = settingNames.map((name) => [`--${flagOf(name)} ${describeValue(name)}`.trimEnd(), name] as const)
  const width = Math.max(...flags.map(([flag]) => flag.length))
  const line = ([flag, name]: (typeof flags)[number]) =>
    `${flag.padEnd(width)}  ${settings[name].meaning.replaceAll('`', '')} [${describeDefault(name, '')}]\n`
  return flags.map(line).join('')
}

/** The content of .env.example: every setting, commented out, with its default. */
export function renderEnvExample(): string {
  const head = [
    '# Copy this file to .env for work on your own machine. The environment beats it, and flags beat both.',
    '# Every name has a twin ending in _FILE: the path of a file that holds the value (for secrets; set only one of both).',
    '# Made from src/config/settings.ts by `npm run docs`; change it there.',
    '',
    `# Which database: the first of these that is set, else PGHOST, PGUSER, PGPASSWORD, PGDATABASE and so on as in libpq.`,
    ...databaseNames.map((name) => `# ${name}=${connectionExample}`),
    '',
    '# A server on which databases may be made and dropped, for compile --schema and rehearse.',
    `# ${shadowName}=${connectionExample.replace('db.', 'shadow.')}`,
  ]
  const body = settingNames.flatMap((name) => {
    const { default: value, outsideImage }: Setting = settings[name]
    return ['', `# ${describeMeaning(name)}`, `# ${name}=${outsideImage ?? value ?? ''}`]
  })
  return `${[...head, ...body].join('\n')}\n`
}

function describeMeaning(name: SettingName): string {
  const { choices, meaning }: Setting = settings[name]
  return choices === undefined ? meaning : `${meaning} (${choices.join(', ')})`
}

function describeDefault(name: SettingName, quote: string): string {
  const { default: value, outsideImage }: Setting = settings[name]
  if (value === null) return 'unset'
  const inImage = `${quote}${value}${quote}`
  return outsideImage === undefined ? inImage : `${inImage} in the image, else ${quote}${outsideImage}${quote}`
}

/** What stands for the value in help; nothing for a boolean, which is true when its flag is there. */
function describeValue(name: SettingName): string {
  const { kind, choices }: Setting = settings[name]
  if (kind === 'boolean') return ''
  return choices === undefined ? `<${kind}>` : `<${choices.join('|')}>`
}

function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('')
}
