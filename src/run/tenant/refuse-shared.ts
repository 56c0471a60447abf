import type { HistoryTables } from '../../history/tables.ts'
import type { Problem } from '../../errors.ts'
import { invalid } from '../../folder/invalid.ts'
import type { Session } from '../../postgres/session.ts'
import { findForeignDrops } from './foreign-drops.ts'
import { type Runnable, type Stated, problem, statementsOf } from './stated.ts'

/**
 * Throws INVALID for statements of which one tenant's file, that names no schema, would make what belongs to another: an
 * extension goes into the schema of whoever comes first, behind a RESET names lead to `public`, and so does the name of a
 * table that the tenant does not have.
 */
export async function refuseShared(
  session: Session,
  tables: HistoryTables,
  dir: string,
  files: readonly Runnable[],
): Promise<void> {
  const all = files.map(statementsOf)
  const problems = [
    ...(await findForeignDrops(session, tables, files)),
    ...all.flatMap(findResets),
    ...(await findExtensions(
      session,
      all.flat().filter(({ kind }) => kind === 'CreateExtensionStmt'),
    )),
  ]
  if (problems.length > 0) throw invalid(dir, problems)
}

const reset = /^reset\s+(?:all|search_path)\b|^set\s+(?:session\s+|local\s+)?search_path\s*(?:=|\bto\b)\s*default\b/i

function findResets(statements: readonly Stated[]): Problem[] {
  const last = statements.findLastIndex(({ kind }) => kind !== 'VariableSetStmt' && kind !== 'TransactionStmt')
  return statements.slice(0, Math.max(last, 0)).flatMap((statement, i) => {
    if (!reset.test(statement.sql) || setsPath.test(statements[i + 1]!.sql)) return []
    return problem(
      statement,
      'this takes the schema of the tenant off the search_path, so what follows would be made in public, for all tenants',
      'Remove it, or let it be the last statement: every file begins with the search_path of its tenant.',
    )
  })
}

const setsPath = /^set\s+(?:session\s+|local\s+)?search_path\b(?!\s*(?:=|\bto\b)\s*default)/i

async function findExtensions(session: Session, statements: readonly Stated[]): Promise<Problem[]> {
  const found = statements.flatMap((statement) => {
    const [, quoted, bare, rest] = extension.exec(statement.sql) ?? []
    const name = quoted?.replaceAll('""', '"') ?? bare?.toLowerCase()
    return name === undefined || /\bschema\b/i.test(rest ?? '') ? [] : [{ statement, name }]
  })
  if (found.length === 0) return []
  // One that is there is not made again, and some say themselves where they go.
  const rows = await session.query<{ name: string }>(
    `select e.name::text as name from pg_catalog.pg_available_extensions e
     where e.name = any ($1) and e.installed_version is null and not exists (
       select from pg_catalog.pg_available_extension_versions v where v.name = e.name and v.schema is not null)`,
    [found.map(({ name }) => name)],
  )
  const missing = new Set(rows.map(({ name }) => name))
  return found
    .filter(({ name }) => missing.has(name))
    .flatMap(({ statement, name }) =>
      problem(
        statement,
        `a database has the extension ${name} once: here it would be made in the schema of this tenant, and other tenants would not find it`,
        `Make it where all tenants find it, once: create extension if not exists ${session.client.escapeIdentifier(name)} schema public;`,
      ),
    )
}

const extension = /^create\s+extension\s+(?:if\s+not\s+exists\s+)?(?:"((?:[^"]|"")+)"|([\w$-]+))([^]*)$/i
