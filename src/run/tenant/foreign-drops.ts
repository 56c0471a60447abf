import type { Problem } from '../../errors.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import { type Dropped, droppedBy } from './dropped.ts'
import { type Runnable, type Stated, problem, statementsOf } from './stated.ts'

/**
 * Finds every DROP of a table, a type, a function or the like that the tenant does not have and `public` does: by the
 * search_path it would take away what all tenants share. What may be made before is not judged, nor what a DO drops.
 */
export async function findForeignDrops(
  session: Session,
  { schema }: Pick<HistoryTables, 'schema'>,
  files: readonly Runnable[],
): Promise<Problem[]> {
  const statements = files.flatMap(statementsOf).filter(({ kind }) => kind === 'DropStmt')
  const drops = statements.flatMap((one) => droppedBy(one.sql).map((dropped) => ({ one, dropped })))
  if (drops.length === 0) return []
  const named = drops.map(({ dropped }) => dropped)
  const rows = await findShared(session, schema, named)
  const shared = new Set(rows.map(keyOf))
  return drops
    .filter(({ one, dropped }) => shared.has(keyOf(dropped)) && !mayBeMade(files, one, dropped.name))
    .flatMap(({ one, dropped: { name, isOwner } }) =>
      problem(
        one,
        `the tenant has no ${name}, so this would ${isOwner ? 'take from' : 'drop'} that of public, which all tenants share`,
        `Name the schema, if that is meant: drop ... ${isOwner ? 'on ' : ''}public.${session.client.escapeIdentifier(name)}. Else remove it, or make what the tenant lacks first.`,
      ),
    )
}

/** Of a name that the encoding of the database has no letters for: nothing there is called so. */
const noEquivalent = '22P05'

/** Of these, what `public` has and the tenant has not. */
async function findShared(
  session: Session,
  schema: string,
  named: readonly Dropped[],
): Promise<Pick<Dropped, 'name' | 'kind'>[]> {
  const found = session.query<Pick<Dropped, 'name' | 'kind'>>(
    `select name, kind from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) as d (name, kind)
     where (select pg_catalog.bool_or(place = pg_catalog.to_regnamespace('public'))
         and not pg_catalog.bool_or(place is not distinct from pg_catalog.to_regnamespace($3))
       from (select relnamespace as place from pg_catalog.pg_class where kind = 'relation' and relname = name
         union all select typnamespace from pg_catalog.pg_type where kind = 'type' and typname = name
         union all select pronamespace from pg_catalog.pg_proc where kind = 'routine' and proname = name) p)`,
    [named.map(({ name }) => name), named.map(({ kind }) => kind), schema],
  )
  return found.catch(async (error: { code?: string }) => {
    if (error.code !== noEquivalent) throw error
    if (named.length < 2) return []
    const rows = []
    for (const one of named) rows.push(...(await findShared(session, schema, [one])))
    return rows
  })
}

function keyOf({ kind, name }: Pick<Dropped, 'name' | 'kind'>): string {
  return `${kind} ${name}`
}

const makesNothing = /^(?:Drop|AlterTable|Insert|Update|Delete|Truncate|Comment|Grant)Stmt$/

/** Whether what runs before the statement speaks of that name where it may make it, or cannot be looked into. */
function mayBeMade(files: readonly Runnable[], { file, start }: Stated, name: string): boolean {
  const literal = name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  const alone = new RegExp(`(?<![\\p{L}\\p{N}_$])${literal}(?![\\p{L}\\p{N}_$])`, 'iu')
  const own = files.findIndex((one) => one.file === file)
  return files.slice(0, own + 1).some(({ script }, i) => {
    if (script.kind !== 'sql') return script.kind === 'module'
    if (script.statements.length === 0) return true
    const text = script.read()
    return script.statements.some(
      (one) =>
        (i < own || one.end <= start) && !makesNothing.test(one.kind) && alone.test(text.slice(one.start, one.end)),
    )
  })
}
