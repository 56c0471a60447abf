import type { Session } from '../../../postgres/session.ts'

/** What is known of a relation, and what its numbers were at one moment. */
export interface SeenRelation {
  readonly oid: number
  /** Qualified and quoted; null when it is gone by now. */
  readonly name: string | null
  /** As pg_class.relkind. */
  readonly kind: string | null
  /** The file that it is stored in; 0 for what has none. */
  readonly node: number
  /** How often its rows were read from the first to the last, as far as the session has not reported that yet. */
  readonly scans: number
  /** The table of an index. */
  readonly table: number | null
  /** What it is a partition of, at the top. */
  readonly root: number | null
}

/** One look of a session at itself. */
export interface Sighting {
  /** Of the server's clock, in milliseconds: when the look began, and when it was over. */
  readonly from: number
  readonly to: number
  readonly locks: readonly SeenLock[]
  /** What is locked, with the indexes of the tables among it. */
  readonly relations: readonly SeenRelation[]
  /** The scans of the relations that were asked for. */
  readonly counted: readonly (readonly [oid: number, scans: number])[]
}

export interface SeenLock {
  readonly oid: number
  readonly modes: readonly string[]
}

const clock = `(extract(epoch from pg_catalog.clock_timestamp()) * 1000)::float8`

/** What is told of a relation `c`, in its order. */
const facts = `c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind, c.relfilenode,
  pg_catalog.pg_stat_get_xact_numscans(c.oid), i.indrelid,
  case when c.relispartition then pg_catalog.pg_partition_root(c.oid)::oid end`

const joined = `join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_index i on i.indexrelid = c.oid`

/**
 * A statement that looks at what the session holds right now, as one row of one text. Names are qualified, because the
 * file may have set any search_path; system catalogs, which everybody locks, and TOAST do not count.
 */
export function lookSql(counting: readonly number[] = []): string {
  return `with l as materialized (${lockedBy('pg_catalog.pg_backend_pid()')}),
  r as (select l.oid from l union select x.indexrelid from pg_catalog.pg_index x join l on l.oid = x.indrelid)
  select pg_catalog.json_build_array(${clock},
    (select pg_catalog.json_agg(pg_catalog.json_build_array(l.oid, l.modes)) from l),
    (select pg_catalog.json_agg(pg_catalog.json_build_array(${facts})) from r join pg_catalog.pg_class c on c.oid = r.oid ${joined}
      where n.nspname <> 'pg_toast'),
    ${countedSql(counting)}, ${clock})::text`
}

/** The same where nothing can be held. */
export function clockSql(counting: readonly number[] = []): string {
  return `select pg_catalog.json_build_array(${clock}, null, null, ${countedSql(counting)}, ${clock})::text`
}

function countedSql(oids: readonly number[]): string {
  if (oids.length === 0) return 'null'
  return `(select pg_catalog.json_agg(pg_catalog.json_build_array(o, pg_catalog.pg_stat_get_xact_numscans(o)))
    from pg_catalog.unnest('{${oids.join()}}'::oid[]) o)`
}

/** The relations that a server process has locked, with all modes of each. */
export function lockedBy(pid: string): string {
  return `select l.relation as oid, pg_catalog.array_agg(distinct l.mode) as modes from pg_catalog.pg_locks l
    where l.pid = ${pid} and l.locktype = 'relation' and l.relation >= ${firstOwnOid}
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    group by l.relation`
}

/** Below are the relations that every database has. */
const firstOwnOid = 16_384

/** What lookSql() answered. */
export function readLook(text: string): Sighting {
  const [from, locks, relations, counted, to] = JSON.parse(text) as [
    number,
    [number | string, string[]][] | null,
    Facts[] | null,
    [number | string, number][] | null,
    number,
  ]
  return {
    from,
    to,
    locks: (locks ?? []).map(([oid, modes]) => ({ oid: Number(oid), modes })),
    relations: (relations ?? []).map(asRelation),
    counted: (counted ?? []).map(([oid, scans]) => [Number(oid), scans]),
  }
}

type Facts = [number | string, string, string, number | string, number, number | string | null, number | string | null]

function asRelation([oid, name, kind, node, scans, table, root]: Facts): SeenRelation {
  const orNull = (one: number | string | null) => (one === null ? null : Number(one))
  return { oid: Number(oid), name, kind, node: Number(node), scans, table: orNull(table), root: orNull(root) }
}

/** Every table, index, view and sequence that somebody has made in the database of the session. */
export async function lookAtAll(session: Session): Promise<SeenRelation[]> {
  const rows = await session.query<{ facts: Facts }>(
    `select pg_catalog.json_build_array(${facts}) as facts from pg_catalog.pg_class c ${joined}
     where c.oid >= ${firstOwnOid} and c.relkind in ('r', 'p', 'm', 'v', 'f', 'S', 'i', 'I')
       and n.nspname <> 'pg_toast' and n.nspname !~ '^pg_temp_'`,
  )
  return rows.map(({ facts: one }) => asRelation(one))
}
