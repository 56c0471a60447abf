import { foreignOptions, options } from './counted.ts'
import type { Part } from './part.ts'

/**
 * Tables and foreign tables. That an index is the replica identity is said by the index; when a view was filled or in
 * which tablespace something stands is no part of a schema.
 */
export const tables: Part = {
  about: 'tables',
  kinds: ['table', 'foreign table'],
  sql: () => `select r.kind, r.name, r.schema, concat_ws(', ',
      case when r.relpersistence = 'u' then 'unlogged' end,
      'of ' || nullif(r.reloftype, 0)::regtype,
      case when r.relispartition then format('partition of %s %s', p.parents, pg_get_expr(r.relpartbound, r.oid))
        else 'inherits (' || p.parents || ')' end,
      case when p.detaching then 'half detached' end,
      'partitioned by ' || case when r.relkind = 'p' then pg_get_partkeydef(r.oid) end,
      'using ' || quote_ident(nullif(a.amname, 'heap')),
      'server ' || quote_ident(f.srvname), f.options,
      ${options('r.reloptions')}, t.options,
      case when r.relrowsecurity then 'row level security' end,
      case when r.relforcerowsecurity then 'forced for the owner' end,
      case when r.relkind <> 'f' then 'replica identity ' || case r.relreplident when 'f' then 'full' when 'n' then 'nothing' end end), null, false
    from relations r
    left join pg_am a on a.oid = r.relam
    left join (select i.inhrelid, bool_or(i.inhdetachpending) as detaching,
        string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) as parents
      from pg_inherits i group by 1) p on p.inhrelid = r.oid
    left join (select c.oid, 'toast ' || ${options('c.reloptions')} as options from pg_class c
      where c.relkind = 't' and c.reloptions is not null) t on t.oid = r.reltoastrelid
    left join (select t.ftrelid, s.srvname, ${foreignOptions('t.ftoptions')} as options from pg_foreign_table t
      join pg_foreign_server s on s.oid = t.ftserver) f on f.ftrelid = r.oid
    where r.relkind in ('r', 'p', 'f')`,
}

/** Views and materialized views, without what they select. */
export const views: Part = {
  about: 'views',
  kinds: ['view', 'materialized view'],
  sql: () => `select r.kind, r.name, r.schema, concat_ws(', ', 'using ' || quote_ident(nullif(a.amname, 'heap')),
      ${options('r.reloptions')}), null, false
    from relations r left join pg_am a on a.oid = r.relam where r.relkind in ('v', 'm')`,
}

/** What views select, which each major version writes in its own way. */
export const queries: Part = {
  about: 'the queries of views',
  kinds: ['query'],
  sql: () => `select 'query', r.name, r.schema, rtrim(btrim(pg_get_viewdef(r.oid)), ';'), r.key, true
    from relations r where r.relkind in ('v', 'm')`,
}
