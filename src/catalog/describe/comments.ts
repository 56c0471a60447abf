import type { Part } from './part.ts'
import { things } from './things.ts'

/** What is inside of a table or a domain and may have a comment too. */
const inside = `
  select 'pg_class'::regclass, r.oid, a.attnum, n.key, n.key, r.schema
  from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped,
    lateral (select format('column %s.%I', r.name, a.attname) as key) n
  where r.relkind <> 'S' and r.oid in (select objoid from pg_description where classoid = 'pg_class'::regclass)
  union all select 'pg_constraint'::regclass, c.oid, 0, n.key, n.key, r.schema
  from relations r join pg_constraint c on c.conrelid = r.oid and c.contype in ('c', 'f', 'p', 'u', 'x'),
    lateral (select format('constraint %s.%I', r.name, c.conname) as key) n
  union all select 'pg_constraint'::regclass, c.oid, 0, format('constraint %s.%I', n.name, c.conname), 'domain ' || n.name, s.schema
  from pg_type t join spaces s on s.oid = t.typnamespace join pg_constraint c on c.contypid = t.oid and c.contype = 'c',
    lateral (select format('%I.%I', s.schema, t.typname) as name) n
  where t.oid not in (select objid from members where classid = 'pg_type'::regclass)
  union all select 'pg_class'::regclass, c.oid, 0, format('index %I.%I', r.schema, c.relname),
    coalesce(format('constraint %s.', r.name) || quote_ident(o.conname), format('index %I.%I', r.schema, c.relname)), r.schema
  from relations r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid
  left join pg_constraint o on o.conindid = c.oid and o.contype in ('p', 'u', 'x')
  union all select 'pg_trigger'::regclass, t.oid, 0, n.key, n.key, r.schema
  from relations r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal,
    lateral (select format('trigger %s.%I', r.name, t.tgname) as key) n
  union all select 'pg_rewrite'::regclass, w.oid, 0, n.key, n.key, r.schema
  from relations r join pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN',
    lateral (select format('rule %s.%I', r.name, w.rulename) as key) n
  union all select 'pg_policy'::regclass, p.oid, 0, n.key, n.key, r.schema
  from relations r join pg_policy p on p.polrelid = r.oid,
    lateral (select format('policy %s.%I', r.name, p.polname) as key) n`

/** Comments; that of an extension comes with its files, which are those of the server. */
export const comments: Part = {
  about: 'comments',
  kinds: ['comment'],
  sql: () => `${things} select 'comment', t.key, t.schema, d.description, t.line, t.class = 'pg_extension'::regclass
    from (select class, oid, part, key, line, schema from things union all ${inside}) t
    join pg_description d on d.classoid = t.class and d.objoid = t.oid and d.objsubid = t.part`,
}
