import { renderFlagsHelp } from '../config/describe.ts'
import { failures } from '../errors.ts'
import type { Run } from '../run/run.ts'
import { version } from '../version.ts'
import { commands } from './index.ts'

/** Answers with everything that can be typed: commands, settings, exit codes. */
export async function help(run: Run): Promise<number> {
  run.answer(`upfront ${version}: gets Postgres right before the application starts

usage: upfront [command] [flags]

commands
${indent(renderCommands())}
settings: each is a flag, an environment variable (UPFRONT_WAIT_TIMEOUT for --wait-timeout) and, for secrets in files,
that variable with _FILE; flags beat the environment, which beats .env
${indent(renderFlagsHelp())}
which database: the first of UPFRONT_DATABASE_URL, MIGRATION_DATABASE_URL, DIRECT_URL, DATABASE_URL, PGHOST and so on

exit codes: 0 done or nothing to do; 20 to 29: retrying does not help; 30 to 39: it may
${indent(renderExitCodes())}`)
  return 0
}

/** The commands and their flags as aligned lines. */
export function renderCommands(): string {
  const rows = Object.entries(commands).flatMap(([name, { summary, aliases, flags = {}, operands = [] }]) => [
    [
      [name, ...operands.map((one) => `<${one}>`)].join(' '),
      aliases ? `${summary}; also ${aliases.join(', ')}` : summary,
    ],
    ...Object.entries(flags).map(([flag, { value, summary: text }]) => [
      `  --${flag}${value === undefined ? '' : ` <${value}>`}`,
      text,
    ]),
  ])
  const width = Math.max(...rows.map(([left]) => left!.length))
  return rows.map(([left, right]) => `${left!.padEnd(width)}  ${right}\n`).join('')
}

function renderExitCodes(): string {
  return Object.entries(failures)
    .map(([name, { exit, meaning }]) => `${String(exit).padStart(3)} ${name}: ${meaning}\n`)
    .join('')
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
