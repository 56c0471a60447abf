import type { Place, Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

const reasons: readonly (readonly [RegExp, string])[] = [
  [/^\\c(onnect)?$/, 'upfront connects to one database and stays there: remove it'],
  [/^\\(i|ir|include|include_relative)$/, 'put what it includes into the file, or make it a migration of its own'],
  [/^\\(copy|dt?|g|gdesc|gx)$/, 'it is run by psql, not by Postgres: write the SQL it stands for'],
  [/^\\(set|unset|gset|prompt|getenv)$/, 'there are no psql variables here: write the value'],
  [/^\\gexec$/, 'write a DO block that EXECUTEs what the query makes'],
  [/^\\(if|elif|else|endif)$/, 'write a DO block with IF'],
  [
    /^\\(echo|qecho|warn|timing|pset|encoding|x|a|t|o|q|quit|r|reset|!)$/,
    'it changes nothing in the database: remove it',
  ],
  [/^\\\.$/, 'it ends the data of a COPY ... FROM stdin, and there is none before it'],
]

/** `\restrict` and `\unrestrict`, which every pg_dump since 2025 writes, mean nothing outside of psql. */
export function isSkipped(command: string): boolean {
  return /^\\(un)?restrict(?![^\s\\])/.test(command)
}

/** A command of psql: Postgres does not know it, so it is a syntax error anywhere but there. */
export function refuseMetaCommand(command: string, place: Place): Problem {
  const name = /^\\(?:[a-z_]+|.)?/i.exec(command)![0]
  const reason = reasons.find(([pattern]) => pattern.test(name))?.[1] ?? 'write the SQL it stands for, or remove it'
  const next = `${reason[0]!.toUpperCase()}${reason.slice(1)}.`
  return finding('meta-command', `${name} is a command of psql, not SQL`, place, next)
}
