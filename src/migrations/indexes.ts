import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import type { Migration, StatedIndex } from './migration.ts'

/** An index as the catalog has it. */
export interface FoundIndex {
  /** Qualified and quoted. */
  readonly name: string
  readonly valid: boolean
  readonly unique: boolean
  readonly method: string
  /** null stands for an expression. */
  readonly columns: readonly (string | null)[]
  readonly partial: boolean
  /** Somebody is building it this moment. */
  readonly building: boolean
}

/** The index that a statement makes, if there is one of its name; an unnamed one cannot be found. */
export async function findIndex(session: Session, stated: StatedIndex): Promise<FoundIndex | undefined> {
  if (stated.name === null) return findUnnamedInvalid(session, stated)
  const quote = session.client.escapeIdentifier
  const schema = stated.schema === null ? '' : `${quote(stated.schema)}.`
  // An index lives in the schema of its table.
  const [row] = await session.query<FoundIndex>(
    `${indexSql} where c.relname = $1 and i.indrelid = pg_catalog.to_regclass($2)`,
    [stated.name, `${schema}${quote(stated.table)}`],
  )
  return row
}

async function findUnnamedInvalid(session: Session, stated: StatedIndex): Promise<FoundIndex | undefined> {
  const quote = session.client.escapeIdentifier
  const schema = stated.schema === null ? '' : `${quote(stated.schema)}.`
  const [row] = await session.query<FoundIndex>(
    `${indexSql} where not i.indisvalid and i.indrelid = pg_catalog.to_regclass($1)`,
    [`${schema}${quote(stated.table)}`],
  )
  return row
}

const indexSql = `select c.oid::regclass::text as name, i.indisvalid and i.indisready as valid, i.indisunique as "unique",
    am.amname as method, i.indpred is not null as partial,
    array(select a.attname::text from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k (attnum, place)
      left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0
      order by k.place) as columns,
    exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = i.indexrelid) as building
  from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_am am on am.oid = c.relam`

/** Whether an index is what the statement says: table, method, uniqueness, columns, and whether it is partial. */
export function isAsStated(found: FoundIndex, stated: StatedIndex): boolean {
  return (
    found.unique === stated.unique &&
    found.method === stated.method &&
    found.partial === stated.partial &&
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
export function invalidIndex(migration: Migration, index: FoundIndex, cause?: unknown): Failure {
  const { message, detail, code } = (cause ?? {}) as { message?: string; detail?: string; code?: string }
  return new Failure(
    'PARTIAL',
    `migration ${migration.name} left the index ${index.name} invalid: it is kept up to date, but no query uses it`,
    {
      ...(code === undefined ? {} : { sqlstate: code }),
      reason: message ?? (index.building ? 'another session is building it' : 'an earlier attempt did not finish'),
      ...(detail === undefined ? {} : { detail }),
      list: [`drop index concurrently ${index.name};`, `reindex index concurrently ${index.name};`],
      next: 'Remove the cause, then run one of these two and start again; or set UPFRONT_INVALID_INDEXES=drop.',
    },
    cause,
  )
}
