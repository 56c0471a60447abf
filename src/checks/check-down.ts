import type { Problem } from '../errors.ts'
import type { Isolation, Limits, Statement } from '../migration.ts'
import { checkSql } from './check-text.ts'
import { nothingDeclared } from './declared.ts'
import { readDirectives } from './directives.ts'

export { loadParser } from '../sql/parser.ts'

/** A SQL text as the grammar of Postgres 18 sees it. */
export interface ParsedSql {
  readonly statements: readonly Statement[]
  /** Whether it may run as one. */
  readonly transaction: boolean
  readonly isolation?: Isolation | undefined
  readonly limits?: Limits | undefined
  readonly creates: readonly string[]
  /** The rules whose findings its comments allow. */
  readonly allow: readonly string[]
  /** Only syntax errors, because an older version has accepted what comes from the history. */
  readonly problems: readonly Problem[]
}

/** Splits and checks a text with the real Postgres parser; `file` is for the places of what it finds. */
export function parseSql(file: string, text: string): ParsedSql {
  const { layout, creates, problems } = checkSql({ file, text, role: 'down' }, nothingDeclared())
  const { statements, transaction, isolation, limits } = layout
  // Anywhere in the text, because an allowance from upfront.allow is written after it.
  const allow = readDirectives(text).flatMap(({ name, value }) => (name === 'allow' ? value.split(/\s/, 1) : []))
  const syntax = problems.filter(({ rule }) => rule === 'syntax')
  return { statements, transaction, isolation, limits, creates, allow, problems: syntax }
}
