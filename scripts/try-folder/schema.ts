// What a database has, a line for each thing, so that two of them can be held against each other.
import type pg from 'pg'

const ours = `n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'upfront') and n.nspname !~ '^pg_(toast_)?temp'`
const free = (catalog: string, oid: string) =>
  `not exists (select from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.deptype = 'e')`

const questions = [
  `select 'schema ' || n.nspname from pg_namespace n where ${ours}`,
  `select format('extension %s', extname) from pg_extension`,
  `select format('%s %I.%I', case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
     when 'm' then 'materialised view' when 'S' then 'sequence' when 'f' then 'foreign table' else c.relkind::text end,
     n.nspname, c.relname) || case when c.relkind in ('v', 'm') then ' ' || md5(pg_get_viewdef(c.oid)) else '' end
     || case when c.relrowsecurity then ' rls' else '' end
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where ${ours} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and ${free('pg_class', 'c.oid')}`,
  `select format('column %I.%I.%I %s%s%s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
     case when a.attnotnull then ' not null' else '' end,
     coalesce(' default ' || pg_get_expr(ad.adbin, ad.adrelid), ''))
   from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     left join pg_attrdef ad on ad.adrelid = c.oid and ad.adnum = a.attnum
   where ${ours} and c.relkind in ('r', 'p', 'f') and a.attnum > 0 and not a.attisdropped and ${free('pg_class', 'c.oid')}`,
  `select format('constraint %s on %s: %s%s', k.conname, coalesce(k.conrelid::regclass::text, k.contypid::regtype::text),
     pg_get_constraintdef(k.oid), case when k.convalidated then '' else ' (not valid)' end)
   from pg_constraint k join pg_namespace n on n.oid = k.connamespace where ${ours} and ${free('pg_constraint', 'k.oid')}`,
  `select pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' (invalid)' end
   from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
   where ${ours} and ${free('pg_class', 'i.indrelid')}`,
  `select format('routine %I.%I(%s) %s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), md5(p.prosrc))
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours} and ${free('pg_proc', 'p.oid')}`,
  `select pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
     join pg_namespace n on n.oid = c.relnamespace where ${ours} and not t.tgisinternal`,
  `select format('type %I.%I %s', n.nspname, t.typname, (select string_agg(e.enumlabel, ',' order by e.enumsortorder)
     from pg_enum e where e.enumtypid = t.oid))
   from pg_type t join pg_namespace n on n.oid = t.typnamespace where ${ours} and t.typtype in ('e', 'd', 'r')
     and ${free('pg_type', 't.oid')}`,
  `select format('policy %s on %s %s %s', p.polname, p.polrelid::regclass, pg_get_expr(p.polqual, p.polrelid),
     pg_get_expr(p.polwithcheck, p.polrelid)) from pg_policy p`,
]

/** Every line of what it has, sorted; without our own tables and those that are named. */
export async function describeSchema(client: pg.Client, without: RegExp): Promise<readonly string[]> {
  const lines: string[] = []
  // Names as they are written out everywhere, whatever the search_path.
  await client.query(`select set_config('search_path', '', false)`)
  for (const sql of questions) {
    const { rows } = await client.query<{ line: string }>(
      `select line from (${sql}) as found (line) where line is not null`,
    )
    lines.push(...rows.map(({ line }) => line))
  }
  return lines.filter((line) => !without.test(line)).sort()
}

/** The lines that only one of two has. */
export function difference(a: readonly string[], b: readonly string[]): readonly string[] {
  const [left, right] = [new Set(a), new Set(b)]
  return [...a.filter((line) => !right.has(line)).map((line) => `- ${line}`), ...b.filter((line) => !left.has(line)).map((line) => `+ ${line}`)] // prettier-ignore
}
