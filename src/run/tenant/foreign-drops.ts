import type { Problem } from '../../errors.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import { type Runnable, type Stated, problem } from './stated.ts'

/**
 * Finds every DROP of a table or the like that the tenant does not have and `public` does: by the search_path it would take
 * away what all tenants share. What is mentioned before may be made by then, and is not judged.
 */
export async function findForeignDrops(
  session: Session,
  { schema }: Pick<HistoryTables, 'schema'>,
  files: readonly Runnable[],
  statements: readonly Stated[],
): Promise<Problem[]> {
  const drops = statements.flatMap((one) => namesOf(one).map((name) => ({ one, name })))
  if (drops.length === 0) return []
  const rows = await session.query<{ name: string }>(
    `select distinct name from pg_catalog.unnest($1::text[]) as name
     where exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relname = name)
       and not exists (select from pg_catalog.pg_class c
         where c.relnamespace = pg_catalog.to_regnamespace($2) and c.relname = name)`,
    [drops.map(({ name }) => name), schema],
  )
  const shared = new Set(rows.map(({ name }) => name))
  return drops
    .filter(({ one, name }) => shared.has(name) && !isMentioned(files, one, name))
    .flatMap(({ one, name }) =>
      problem(
        one,
        `the tenant has no ${name}, so this would drop that of public, which all tenants share`,
        `Name the schema, if that is meant: drop ... public.${session.client.escapeIdentifier(name)}. Else remove it, or make what the tenant lacks first.`,
      ),
    )
}

/** Whether anything that runs before the statement speaks of that name, or cannot be looked into. */
function isMentioned(files: readonly Runnable[], { file, text, start }: Stated, name: string): boolean {
  const before = text.slice(0, start).toLowerCase().includes(name.toLowerCase())
  const earlier = files.slice(
    0,
    files.findIndex((one) => one.file === file),
  )
  const speaks = ({ script }: Runnable) =>
    script.kind === 'module' ||
    (script.kind === 'sql' &&
      (script.statements.length === 0 || script.read().toLowerCase().includes(name.toLowerCase())))
  return before || earlier.some(speaks)
}

const drop =
  /^drop\s+(?:foreign\s+table|table|materialized\s+view|view|sequence)\s+(?:if\s+exists\s+)?([^]*?)(?:\s+(?:cascade|restrict))?\s*;?$/i
const bare = /^(?:"((?:[^"]|"")+)"|([\p{L}_][\p{L}\p{N}_$]*))$/u

/** The names without a schema; those that are written in some other way are left out. */
function namesOf({ kind, sql }: Stated): string[] {
  const [, list = ''] = kind === 'DropStmt' ? (drop.exec(sql.trim()) ?? []) : []
  return (list.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? []).flatMap((one) => {
    const [, quoted, plain] = bare.exec(one.trim()) ?? []
    return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase() ?? []
  })
}
