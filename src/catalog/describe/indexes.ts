import { indexMarks } from './constraints.ts'
import type { Part } from './part.ts'

/** Indexes but those of a constraint, which are said with it. */
export const indexes: Part = {
  about: 'indexes',
  kinds: ['index'],
  sql: () => `select 'index', format('%I.%I', r.schema, c.relname), r.schema, concat_ws(' ',
      pg_get_indexdef(c.oid), ${indexMarks('i')}, 'partition of ' || h.inhparent::regclass,
      t.said), r.key, false
    from relations r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid
    left join pg_inherits h on h.inhrelid = c.oid
    left join (select a.attrelid, string_agg(format('statistics %s on column %s', a.attstattarget, a.attnum), ' ' order by a.attnum) as said
      from pg_attribute a where a.attnum > 0 and a.attstattarget >= 0 group by 1) t on t.attrelid = c.oid
    where i.indexrelid not in (select conindid from pg_constraint where contype in ('p', 'u', 'x'))`,
}

/** Extended statistics. */
export const statistics: Part = {
  about: 'extended statistics',
  kinds: ['statistics'],
  sql: () => `select 'statistics', format('%I.%I', s.schema, e.stxname), s.schema, concat_ws(' ',
      pg_get_statisticsobjdef(e.oid), case when e.stxstattarget >= 0 then 'statistics ' || e.stxstattarget end), r.key, false
    from pg_statistic_ext e join spaces s on s.oid = e.stxnamespace join relations r on r.oid = e.stxrelid
    where e.oid not in (select objid from members where classid = 'pg_statistic_ext'::regclass)`,
}
