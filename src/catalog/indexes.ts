import { Failure } from '../errors.ts'
import type { StatedIndex } from '../migration.ts'
import type { Session } from '../postgres/session.ts'

/** An index as the catalog has it. */
export interface FoundIndex {
  readonly oid: string
  /** Qualified and quoted. */
  readonly name: string
  readonly valid: boolean
  readonly unique: boolean
  readonly method: string
  /** null stands for an expression. */
  readonly columns: readonly (string | null)[]
  readonly partial: boolean
  /** Its definition is no more than its columns. */
  readonly plain: boolean
  /** Somebody may be building it this moment. */
  readonly building: boolean
  /** It is younger than the transaction that was asked about. */
  readonly younger: boolean
}

/** The index of its name on its table, if there is one. */
export async function findIndex(session: Session, stated: StatedIndex): Promise<FoundIndex | undefined> {
  const where = 'c.relname = $1 and i.indrelid = pg_catalog.to_regclass($2)'
  // An index lives in the schema of its table.
  return (await listIndexes(session, where, [stated.name, nameOf(session, stated.schema, stated.table)]))[0]
}

/** Those that a statement without a name may have made: as it says, and named as Postgres names them. */
export async function listUnnamed(session: Session, stated: StatedIndex, since?: string): Promise<FoundIndex[]> {
  const where = `c.relname ~ '_idx[0-9]*$' and i.indrelid = pg_catalog.to_regclass($1)`
  const found = await listIndexes(session, where, [nameOf(session, stated.schema, stated.table)], since)
  return found.filter((index) => isAsStated(index, stated))
}

/** A name as SQL writes it; without a schema it is looked for in the search_path. */
export function nameOf({ client }: Session, schema: string | null, name: string): string {
  return `${schema === null ? '' : `${client.escapeIdentifier(schema)}.`}${client.escapeIdentifier(name)}`
}

const columns = `from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k (attnum, place)
  left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0`

/** The indexes that a condition on `i` (pg_index) and `c` (its pg_class) finds. */
export async function listIndexes(
  session: Session,
  where: string,
  params: readonly unknown[],
  since?: string,
): Promise<FoundIndex[]> {
  const younger = since === undefined ? 'false' : `pg_catalog.age(c.xmin) < pg_catalog.age('${since}'::pg_catalog.xid)`
  return session.query<FoundIndex>(
    `select c.oid::text as oid, c.oid::regclass::text as name, i.indisvalid and i.indisready as valid,
      i.indisunique as "unique", am.amname as method, i.indpred is not null as partial,
      array(select a.attname::text ${columns} order by k.place) as columns,
      (select pg_catalog.right(pg_catalog.pg_get_indexdef(c.oid), pg_catalog.length(d.plain)) = d.plain from (select
        ' USING ' || pg_catalog.quote_ident(am.amname) || ' (' ||
        (select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by k.place) ${columns}) || ')' as plain) d) as plain,
      exists (${builders}) as building, ${younger} as younger
    from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_am am on am.oid = c.relam where ${where} order by c.oid`,
    params,
  )
}

/**
 * Who may be building it: what others do is hidden from an ordinary role, their locks are not. Who builds concurrently
 * holds this one on the table all the time; so does VACUUM, whose processes everybody may see.
 */
const builders = `select from pg_catalog.pg_locks l
  where l.locktype = 'relation' and l.relation = i.indrelid and l.mode = 'ShareUpdateExclusiveLock' and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.pid <> pg_catalog.pg_backend_pid()
    and not exists (select from pg_catalog.pg_stat_progress_vacuum v where v.pid = l.pid)
    and not exists (select from pg_catalog.pg_stat_progress_analyze v where v.pid = l.pid)
    and not exists (select from pg_catalog.pg_stat_progress_create_index p where p.pid = l.pid
      and p.command = 'CREATE INDEX CONCURRENTLY' and p.index_relid not in (0, i.indexrelid))`

/**
 * Whether an index is what the statement says: table, method, uniqueness, columns, whether it is partial, and of a
 * plain one that there is no more to it. Predicates and the like are not compared, because the server writes them in
 * its own way.
 */
export function isAsStated(found: FoundIndex, stated: StatedIndex): boolean {
  return (
    found.unique === stated.unique &&
    found.method === stated.method &&
    found.partial === stated.partial &&
    (found.plain || !stated.plain) &&
    JSON.stringify(found.columns) === JSON.stringify(stated.columns)
  )
}

/** Drops an invalid index that this very file makes, when that is allowed and nobody is building it. */
export async function dropIfAllowed(session: Session, index: FoundIndex, policy: 'fail' | 'drop'): Promise<boolean> {
  if (policy !== 'drop' || index.building) return false
  await session.query(`drop index concurrently if exists ${index.name}`)
  return true
}

/** PARTIAL, with the cause and the two commands that mend it. */
export function invalidIndex(title: string, index: FoundIndex, cause?: unknown): Failure {
  const { message, detail, code } = (cause ?? {}) as { message?: string; detail?: string; code?: string }
  return new Failure(
    'PARTIAL',
    `${title} left the index ${index.name} invalid: it is kept up to date, but no query uses it`,
    {
      ...(code === undefined ? {} : { sqlstate: code }),
      reason: message ?? (index.building ? 'another session may be building it' : 'an earlier attempt did not finish'),
      ...(detail === undefined ? {} : { detail }),
      list: [`drop index concurrently ${index.name};`, `reindex index concurrently ${index.name};`],
      next: 'Remove the cause, then run one of these two and start again; or set UPFRONT_INVALID_INDEXES=drop.',
    },
    cause,
  )
}
