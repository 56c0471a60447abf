import { Failure } from '../../errors.ts'
import type { Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Rights } from './rights.ts'

interface Forbidden {
  readonly name: string
  /** null when the search_path has no schema that exists. */
  readonly schema: string | null
}

/**
 * FAILED when the first migrations create something where the role may not; undefined as far as can be told. Behind a
 * file that may set a role or a search_path nobody knows, nor in a schema that does not exist yet.
 */
export async function findForbidden(
  session: Session,
  { role }: Rights,
  migrations: readonly Migration[],
): Promise<Failure | undefined> {
  const end = migrations.findIndex(({ script }) => script.kind !== 'sql' || !script.joinable)
  const known = end === -1 ? migrations : migrations.slice(0, end)
  const names = [...new Set(known.flatMap(({ creates }) => creates))]
  if (names.length === 0) return undefined
  const list = names.map((name) => session.client.escapeLiteral(name)).join(', ')
  const [first] = await session.query<Forbidden>(`
    select name, schema from (
      select name, place, case pg_catalog.array_length(parts, 1) when 2 then parts[1]
        else pg_catalog.current_schema()::text end as schema
      from unnest(array[${list}]) with ordinality as given (name, place), pg_catalog.parse_ident(name) as parts) as wanted
    left join pg_catalog.pg_namespace n on n.nspname = schema
    where schema is null or not pg_catalog.has_schema_privilege(n.oid, 'create') order by place limit 1`)
  if (!first) return undefined
  const by = known.find(({ creates }) => creates.includes(first.name))!
  const [who, schema] = [role, first.schema ?? ''].map((name) => session.client.escapeIdentifier(name))
  if (first.schema === null)
    return new Failure('FAILED', `${by.name} creates ${first.name}, but no schema of the search_path exists`, {
      next: `Create one, or set it right: alter role ${who} set search_path = ...;`,
    })
  return new Failure(
    'FAILED',
    `${by.name} creates ${first.name}, but the role ${who} may create nothing in the schema ${schema}`,
    {
      next: `As the owner of the schema: grant create on schema ${schema} to ${who};`,
    },
  )
}
