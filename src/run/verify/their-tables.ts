import type { Adopter } from '../../history/adopt/adopter.ts'
import type { Session } from '../../postgres/session.ts'

/** A table that another tool keeps for itself. */
export interface TheirTable {
  /** Qualified and quoted. */
  readonly name: string
  readonly schema: string
}

/** What a tool keeps beside its history, as SQL over that table's name. */
const besides: Readonly<Record<string, string>> = {
  knex: `c.relname || '_lock'`,
  typeorm: `'typeorm_metadata'`,
}

/** The tables that the tool of a folder has here, where the search_path of the session finds them. */
export async function theirTables(session: Session, adopter: Adopter): Promise<readonly TheirTable[]> {
  const history = await adopter.read(session)
  if (!history) return []
  const names = ['c.relname::text', besides[adopter.format] ?? []].flat()
  return session.query<{ name: string; schema: string }>(
    `select pg_catalog.format('%I.%I', n.nspname, one) as name, n.nspname::text as schema
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace,
       pg_catalog.unnest(array[${names.join(', ')}]::text[]) as one
     where c.oid = pg_catalog.to_regclass(${session.client.escapeLiteral(history.table)})`,
  )
}
