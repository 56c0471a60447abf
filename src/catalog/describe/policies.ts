import type { Part } from './part.ts'

/** Policies; a subquery in one is written as a view's is. */
export const policies: Part = {
  about: 'policies',
  kinds: ['policy'],
  sql: () => `select 'policy', r.name || '.' || quote_ident(p.polname), r.schema, concat_ws(' ',
      case when p.polpermissive then 'permissive' else 'restrictive' end, 'for',
      case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
      'to', (select string_agg(name, ', ' order by name collate "C") from (
        select case when o = 0 then 'public' else quote_ident(pg_get_userbyid(o)) end as name from unnest(p.polroles) as o) n),
      'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
      'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), r.key,
      concat(p.polqual, p.polwithcheck) ~ '[{]SUBLINK '
    from pg_policy p join relations r on r.oid = p.polrelid`,
}
