import { join, resolve } from 'node:path'
import { type Allowance, type Subject, judgeText } from '../checks/allowances.ts'
import { checkSql } from '../checks/check-text.ts'
import { nothingDeclared } from '../checks/declared.ts'
import { finding } from '../checks/finding.ts'
import type { Problem } from '../errors.ts'
import type { Assertion } from '../migration.ts'
import { type TextLayout, textScript } from '../sql/script.ts'
import { readText } from './files.ts'
import type { SourceMigration } from './layouts/layout.ts'

/** What has to be true once a migration has run, checked like everything else. */
export interface CompiledAssertion {
  /** Undefined without one, and for one that is wrong. */
  readonly asserted?: Asserted
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  /** What its comments allow. */
  readonly own: readonly Allowance[]
}

/** The same ready to run, and to be written into a bundle. */
export interface Asserted {
  readonly assertion: Assertion
  readonly text: string
  readonly layout: TextLayout
  /** What is allowed when it runs. */
  readonly allow: readonly string[]
}

/** A migration's assertion, and what is allowed for it. */
export interface AssertionSource extends Subject {
  readonly dir: string
  readonly shown: string
  readonly source: SourceMigration
  /** What upfront.allow allows. */
  readonly allowances: readonly Allowance[]
}

/** The assertion beside a migration, from its file. */
export function compileAssertion(subject: AssertionSource): CompiledAssertion {
  const { dir, shown, source } = subject
  if (source.verifyFile === undefined) return refuse([])
  const file = join(shown, source.verifyFile)
  const read = readText(resolve(dir, source.verifyFile), file)
  if ('problem' in read) return refuse([{ ...read.problem, name: source.name }])
  const { text } = read
  const { layout, problems, notices, own, makesNames } = checkSql({ file, text, role: 'verify' }, nothingDeclared())
  const { refused, allowed, allow } = judgeText(problems, subject, own, makesNames)
  if (refused.length > 0) return { problems: refused, notices, own }
  if (layout.statements.length === 0) return refuse([assertsNothing(file, source.name)])
  const assertion = { file, script: textScript(() => text, layout) }
  return { asserted: { assertion, text, layout, allow }, problems: [], notices: [...notices, ...allowed], own }
}

function refuse(problems: readonly Problem[]): CompiledAssertion {
  return { problems, notices: [], own: [] }
}

function assertsNothing(file: string, name: string): Problem {
  const next = 'Write a query that answers true when all is well, or remove the file.'
  return { ...finding('verify', `${file} asserts nothing: there is no statement in it`, undefined, next), name }
}
