import type { Session } from '../../postgres/session.ts'

/** What is of the target without being of its migrations, and changes what they do. */
export interface Surroundings {
  /** As Postgres calls it: what it lacks no file may have. */
  readonly encoding: string
  /** What the server, the database or the role sets, by name: where unqualified names are looked for, how times are read. */
  readonly settings: Readonly<Record<string, string>>
  /** What is set for the database, or for the role in it, by whom it may be set again. */
  readonly ofDatabase: Readonly<Record<string, string>>
  /** Where they are found, of those schemas that are there. */
  readonly path: readonly string[]
  /** Every role, quoted. */
  readonly roles: readonly string[]
  readonly partitions: readonly Partition[]
}

/** A partition, outer ones first; names are qualified and quoted. */
export interface Partition {
  readonly name: string
  readonly schema: string
  readonly parent: string
  /** `FOR VALUES ...` or `DEFAULT`. */
  readonly bound: string
  /** `RANGE (at)` of one that has partitions of its own, else null. */
  readonly key: string | null
}

/** Reads them without leaving a trace. */
export async function readSurroundings(reader: Session): Promise<Surroundings> {
  const settings = await reader.query<{ name: string; setting: string }>(
    // How times are read decides whether a column of them is rewritten, and is mostly said in the server's own file.
    `select name, setting from pg_catalog.pg_settings where source in ('database', 'user', 'database user')
         and name in ('search_path', 'TimeZone', 'DateStyle', 'IntervalStyle')
       or source in ('configuration file', 'command line', 'environment variable')
         and name in ('TimeZone', 'DateStyle', 'IntervalStyle')`,
  )
  // Those of the role in the database come last, and win.
  const ofDatabase = await reader.query<{ name: string; setting: string }>(
    `select pg_catalog.split_part(one, '=', 1) as name, pg_catalog.substr(one, pg_catalog.strpos(one, '=') + 1) as setting
     from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase, pg_catalog.unnest(s.setconfig) one
     where d.datname = pg_catalog.current_database()
       and (s.setrole = 0 or s.setrole = (select r.oid from pg_catalog.pg_roles r where r.rolname = session_user))
       and not exists (select from pg_catalog.pg_settings g
         where pg_catalog.lower(g.name) = pg_catalog.lower(pg_catalog.split_part(one, '=', 1)) and g.context <> 'user')
     order by s.setrole`,
  )
  const roles = await reader.query<{ name: string }>(
    `select pg_catalog.quote_ident(rolname) as name from pg_catalog.pg_roles where rolname !~ '^pg_' order by 1`,
  )
  const path = await readPath(reader)
  const [row] = await reader.query<{ encoding: string }>('select pg_catalog.getdatabaseencoding() as encoding')
  const partitions = await reader.query<Partition>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, pg_catalog.quote_ident(n.nspname) as schema,
       pg_catalog.format('%I.%I', pn.nspname, p.relname) as parent,
       pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound,
       case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end as key
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_inherits i on i.inhrelid = c.oid join pg_catalog.pg_class p on p.oid = i.inhparent
       join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
     where c.relispartition and c.relkind in ('r', 'p') and n.nspname !~ '^pg_temp_' order by c.oid`,
  )
  return {
    settings: byName(settings),
    encoding: row!.encoding,
    ofDatabase: byName(ofDatabase),
    path,
    roles: roles.map(({ name }) => name),
    partitions,
  }
}

function byName(settings: readonly { name: string; setting: string }[]): Record<string, string> {
  return Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))
}

/** The schemas in which a session finds unqualified names. */
export async function readPath(session: Session): Promise<string[]> {
  const [row] = await session.query<{ path: string[] }>('select pg_catalog.current_schemas(false)::text[] as path')
  return row!.path
}
