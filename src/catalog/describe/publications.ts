import type { Part } from './part.ts'

/** Publications: of which tables, columns and rows, or of which schemas, and what they publish of them. */
export const publications: Part = {
  about: 'publications',
  kinds: ['publication'],
  sql: (version) => {
    const columns = `(select ' (' || string_agg(quote_ident(a.attname), ', ' order by a.attname) || ')' from pg_attribute a
      where a.attrelid = r.prrelid and a.attnum = any(r.prattrs))`
    const narrowed = version >= 150_000 ? `, ${columns}, ' where ' || pg_get_expr(r.prqual, r.prrelid)` : ''
    const schemas = `(select string_agg('schema ' || quote_ident(n.nspname), ', ' order by n.nspname)
      from pg_publication_namespace r join pg_namespace n on n.oid = r.pnnspid where r.pnpubid = p.oid)`
    return `select 'publication', quote_ident(p.pubname), null, concat_ws(', ',
      case when p.puballtables then 'all tables' end,
      (select string_agg(line, ', ' order by line collate "C") from (select concat('table ', r.prrelid::regclass${narrowed}) as line
        from pg_publication_rel r where r.prpubid = p.oid) l)
      ${version >= 150_000 ? `, ${schemas}` : ''},
      'publish ' || concat_ws(' ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
        case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end),
      ${version >= 180_000 ? `case when p.pubgencols <> 'n' then 'generated columns ' || case p.pubgencols when 's' then 'stored' else p.pubgencols::text end end,` : ''}
      case when p.pubviaroot then 'via partition root' end), null, false
    from pg_publication p where p.oid not in (select objid from members where classid = 'pg_publication'::regclass)`
  },
}
