// What the compiler finds in a text, in short.
import type { Role } from '../../../../src/checks/check-statement.ts'
import { checkSql } from '../../../../src/checks/check-text.ts'
import { nothingDeclared, nextFile } from '../../../../src/checks/declared.ts'
import { loadParser } from '../../../../src/sql/parser.ts'

await loadParser()

/** `line:column rule` of every problem. */
export function findings(sql: string, role: Role = 'migration'): string[] {
  return problems(sql, role).map(({ place, rule }) => `${place?.line}:${place?.column} ${rule}`)
}

/** The problems themselves. */
export function problems(sql: string, role: Role = 'migration') {
  return checkSql({ file: 'f.sql', text: sql, role }, nothingDeclared()).problems
}

/** How a text runs. */
export function layout(sql: string, role: Role = 'migration') {
  return checkSql({ file: 'f.sql', text: sql, role }, nothingDeclared()).layout
}

/** What is found in the last of several migrations. */
export function findingsAfter(earlier: readonly string[], sql: string): string[] {
  const catalog = nothingDeclared()
  for (const text of earlier) {
    nextFile(catalog)
    checkSql({ file: 'earlier.sql', text, role: 'migration' }, catalog)
  }
  nextFile(catalog)
  return checkSql({ file: 'f.sql', text: sql, role: 'migration' }, catalog).problems.map(
    ({ place, rule }) => `${place?.line}:${place?.column} ${rule}`,
  )
}
