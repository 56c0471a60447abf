// What a database has, a line for each thing, so that two of them can be held against each other.
import pg from 'pg'
import type { History } from './history.ts'

const ours = `n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'upfront') and n.nspname !~ '^pg_(toast_)?temp'`
const free = (catalog: string, oid: string) =>
  `not exists (select from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.deptype = 'e')`

const questions = [
  `select format('schema %I %s', n.nspname, n.nspacl) from pg_namespace n where ${ours}`,
  `select format('extension %s in %s', extname, n.nspname) from pg_extension e
   join pg_namespace n on n.oid = e.extnamespace`,
  `select concat_ws(' ', 'relation', c.relkind, format('%I.%I', n.nspname, c.relname), c.relpersistence, c.reloptions,
     c.relacl, case when c.relkind in ('v', 'm') then md5(pg_get_viewdef(c.oid)) end,
     case when c.relrowsecurity then 'rls' end, case when c.relforcerowsecurity then 'forced' end,
     nullif(c.relreplident, 'd'), pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
     (select string_agg(i.inhparent::regclass::text, ',') from pg_inherits i where i.inhrelid = c.oid),
     pg_get_userbyid(c.relowner))
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where ${ours} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c') and ${free('pg_class', 'c.oid')}`,
  `select concat_ws(' ', 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname),
     (select count(*) from pg_attribute b where b.attrelid = a.attrelid and b.attnum between 1 and a.attnum
        and not b.attisdropped), format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
     case when a.attgenerated <> '' then 'generated' else 'default' end || ' ' || pg_get_expr(ad.adbin, ad.adrelid),
     nullif(a.attidentity, ''), a.attacl, case when a.attcollation <> t.typcollation then a.attcollation::regcollation end,
     case when a.attstorage <> t.typstorage then a.attstorage end)
   from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     join pg_type t on t.oid = a.atttypid
     left join pg_attrdef ad on ad.adrelid = c.oid and ad.adnum = a.attnum
   where ${ours} and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and a.attnum > 0 and not a.attisdropped
     and ${free('pg_class', 'c.oid')}`,
  `select format('sequence %I.%I %s', schemaname, sequencename,
     concat_ws(' ', data_type, start_value, min_value, max_value, increment_by, cycle, cache_size))
   from pg_sequences where schemaname <> 'upfront'`,
  `select format('constraint %I on %s: %s%s', k.conname, coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text),
     pg_get_constraintdef(k.oid), case when k.convalidated then '' else ' (not valid)' end)
   from pg_constraint k join pg_namespace n on n.oid = k.connamespace where ${ours} and ${free('pg_constraint', 'k.oid')}`,
  `select 'index ' || pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' (invalid)' end
     || case when i.indisreplident then ' (identity)' else '' end || case when i.indisclustered then ' (clustered)' else '' end
   from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
   where ${ours} and ${free('pg_class', 'i.indrelid')}`,
  `select concat_ws(' ', 'routine', p.prokind, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_arguments(p.oid)),
     pg_get_function_result(p.oid), p.provolatile, case when p.prosecdef then 'definer' end, p.proconfig, p.proacl,
     md5(concat(p.prosrc, pg_get_function_sqlbody(p.oid))))
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours} and ${free('pg_proc', 'p.oid')}`,
  `select concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled) from pg_trigger t join pg_class c on c.oid = t.tgrelid
     join pg_namespace n on n.oid = c.relnamespace where ${ours} and not t.tgisinternal`,
  `select format('event trigger %s on %s %s %s', evtname, evtevent, evtfoid::regprocedure, evtenabled) from pg_event_trigger e
   where ${free('pg_event_trigger', 'e.oid')}`,
  `select format('rule %s', pg_get_ruledef(r.oid)) from pg_rewrite r join pg_class c on c.oid = r.ev_class
     join pg_namespace n on n.oid = c.relnamespace where ${ours} and r.rulename <> '_RETURN' and ${free('pg_rewrite', 'r.oid')}`,
  `select concat_ws(' ', 'type', t.typtype, format('%I.%I', n.nspname, t.typname), format_type(nullif(t.typbasetype, 0), t.typtypmod),
     case when t.typnotnull then 'not null' end, t.typdefault, t.typacl,
     (select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
   from pg_type t join pg_namespace n on n.oid = t.typnamespace where ${ours} and t.typtype in ('e', 'd', 'r')
     and ${free('pg_type', 't.oid')}`,
  `select concat_ws(' ', 'policy', p.polname, p.polrelid::regclass, p.polcmd, p.polpermissive,
     array(select case r when 0 then 'public' else pg_get_userbyid(r) end from unnest(p.polroles) r order by 1),
     pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) from pg_policy p`,
  `select 'statistics ' || pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s`,
  `select concat_ws(' ', 'publication', pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
     (select string_agg(schemaname || '.' || tablename, ',' order by 1) from pg_publication_tables t where t.pubname = p.pubname))
   from pg_publication p`,
  `select concat_ws(' ', 'default privileges', pg_get_userbyid(defaclrole), nullif(defaclnamespace, 0)::regnamespace,
     defaclobjtype, defaclacl) from pg_default_acl`,
  `select concat_ws(' ', 'comment on', i.type, i.identity, ':', md5(d.description)) from pg_description d,
     pg_identify_object(d.classoid, d.objoid, d.objsubid) i
   where i.schema is null or i.schema not in ('pg_catalog', 'information_schema', 'upfront')`,
  `select concat_ws(' ', 'setting', setrole::regrole, setconfig) from pg_db_role_setting
   where setdatabase = (select oid from pg_database where datname = current_database())`,
]

/** Every line of what it has, sorted, and how many rows each table has; without our tables and those of the tool. */
export async function describeSchema(
  client: pg.Client,
  { tables, schema }: Pick<History, 'tables' | 'schema'>,
): Promise<readonly string[]> {
  // What a migration has left in the session must not decide what we see; names are written out everywhere.
  await client.query('reset role; reset all')
  for (const table of tables) await client.query(`drop table if exists ${table} cascade`)
  if (schema) await client.query(`drop schema if exists ${schema}`).catch(() => {})
  await client.query(`select set_config('search_path', '', false), set_config('row_security', 'off', false)`)
  const lines: string[] = []
  for (const sql of questions) {
    const { rows } = await client.query<{ line: string }>(
      `select line from (${sql}) as found (line) where line is not null`,
    )
    lines.push(...rows.map(({ line }) => line.replace(/\s+/g, ' ').trim()))
  }
  return [...lines, ...(await countRows(client))].sort()
}

async function countRows(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where ${ours} and c.relkind = 'r' and ${free('pg_class', 'c.oid')}`,
  )
  const counts: string[] = []
  for (const { name } of rows) {
    const { rows: [found] } = await client.query<{ count: string }>(`select count(*) from ${name}`) // prettier-ignore
    counts.push(`rows ${name}: ${found!.count}`)
  }
  return counts
}

/** The lines that only one of two has. */
export function difference(a: readonly string[], b: readonly string[]): readonly string[] {
  const [left, right] = [new Set(a), new Set(b)]
  return [...a.filter((line) => !right.has(line)).map((line) => `- ${line}`), ...b.filter((line) => !left.has(line)).map((line) => `+ ${line}`)] // prettier-ignore
}
