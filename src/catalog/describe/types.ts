import type { Part } from './part.ts'

/** Types that count. */
export const countedTypes = `pg_type t join spaces s on s.oid = t.typnamespace`
const notMember = `t.oid not in (select objid from members where classid = 'pg_type'::regclass)`
const name = `format('%I.%I', s.schema, t.typname)`

/** Enums, their labels in order. */
export const enums: Part = {
  about: 'enums',
  kinds: ['enum'],
  sql: () => `select 'enum', ${name}, s.schema,
      coalesce((select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), ''),
      null, false
    from ${countedTypes} where t.typtype = 'e' and ${notMember}`,
}

/** Domains with their constraints. */
export const domains: Part = {
  about: 'domains',
  kinds: ['domain'],
  sql: () => `select 'domain', ${name}, s.schema, concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
      case when t.typcollation not in (0, b.typcollation) then 'collate ' || t.typcollation::regcollation end,
      'default ' || pg_get_expr(t.typdefaultbin, 0), case when t.typnotnull then 'not null' end,
      (select string_agg(format('constraint %I %s', c.conname, pg_get_constraintdef(c.oid)), ' ' order by c.conname)
        from pg_constraint c where c.contypid = t.oid and c.contype = 'c')), null, false
    from ${countedTypes} join pg_type b on b.oid = t.typbasetype where t.typtype = 'd' and ${notMember}`,
}

/** Composite types; what they are made of are columns. */
export const compositeTypes: Part = {
  about: 'composite types',
  kinds: ['composite type'],
  sql: () => `select r.kind, r.name, r.schema, '', null, false from relations r where r.relkind = 'c'`,
}

/** Range types, each with its multirange type. */
export const rangeTypes: Part = {
  about: 'range types',
  kinds: ['range type'],
  sql: () => `select 'range type', ${name}, s.schema, concat_ws(', ', 'subtype ' || format_type(r.rngsubtype, null),
      'opclass ' || case when not o.opcdefault then format('%I.%I', n.nspname, o.opcname) end,
      case when r.rngcollation not in (0, b.typcollation) then 'collation ' || r.rngcollation::regcollation end,
      'canonical ' || nullif(r.rngcanonical, 0)::regprocedure, 'subtype_diff ' || nullif(r.rngsubdiff, 0)::regprocedure,
      'multirange ' || format_type(r.rngmultitypid, null)), null, false
    from ${countedTypes} join pg_range r on r.rngtypid = t.oid join pg_type b on b.oid = r.rngsubtype
    join pg_opclass o on o.oid = r.rngsubopc join pg_namespace n on n.oid = o.opcnamespace
    where t.typtype = 'r' and ${notMember}`,
}
