/** What is left out, as SQL literals. */
export interface LeftOut {
  readonly schemas: readonly string[]
  /** All others are, when it is set. */
  readonly allBut?: string
  readonly tables: readonly string[]
}

/**
 * The WITH before every question: `spaces`, the schemas that count; `members`, what extensions brought; `relations`, what
 * has columns, and sequences, each with its `kind`, its qualified `name` and its `key`; `owners`, the column that a
 * sequence is dropped with. What Postgres does not need for a question it does not look up.
 */
export function countedWith({ schemas, allBut, tables }: LeftOut): string {
  const only = allBut === undefined ? '' : ` and nspname = ${allBut}`
  return `with members as (
  select classid, objid from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e'
), spaces as materialized (
  select oid, nspname::text as schema, nspowner, nspacl from pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all(${array(schemas)})${only}
), left_out as (
  select c.oid from unnest(${array(tables)}) as name, pg_class c join pg_namespace n on n.oid = c.relnamespace
  where parse_ident(name) = array[n.nspname::text, c.relname::text]
), owners as materialized (
  select d.objid as sequence, d.refobjid as relation, d.refobjsubid as attnum, d.deptype = 'i' as identity
  from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    and d.refobjsubid > 0
), relations as materialized (
  select c.*, s.schema, k.kind, format('%I.%I', s.schema, c.relname) as name,
    format('%s %I.%I', k.kind, s.schema, c.relname) as key
  from pg_class c join spaces s on s.oid = c.relnamespace join (values ('r'::"char", 'table'), ('p', 'table'),
    ('f', 'foreign table'), ('v', 'view'), ('m', 'materialized view'), ('c', 'composite type'), ('S', 'sequence')
  ) as k (relkind, kind) on k.relkind = c.relkind
  where c.oid not in (select oid from left_out)
    and c.oid not in (select objid from members where classid = 'pg_class'::regclass)
    and (c.relkind <> 'c' or c.reltype not in (select objid from members where classid = 'pg_type'::regclass))
    and (c.relkind <> 'S' or c.oid not in (select o.sequence from owners o where o.relation in (select oid from left_out)))
)`
}

function array(literals: readonly string[]): string {
  return `array[${literals.join(', ')}]::text[]`
}

/** What has been given to a relation, an index or a column as options, in a stable order. */
export function options(of: string): string {
  return ifAny(of, `(select 'with (' || string_agg(o, ', ' order by o collate "C") || ')' from unnest(${of}) as o)`)
}

/** The options of a foreign table or its column; what looks like a secret is not written down. */
export function foreignOptions(of: string): string {
  const all = `(select 'options (' || string_agg(format('%I %s', option_name,
      case when option_name ~* 'passw|secret|token|credential|api_?key' then '***' else quote_literal(option_value) end),
    ', ' order by option_name collate "C") || ')' from pg_options_to_table(${of}))`
  return ifAny(of, all)
}

/** An aggregate for each of a thousand columns takes longer than all else of them, and hardly any has options. */
function ifAny(of: string, sql: string): string {
  return `case when ${of} is not null then ${sql} end`
}
