import { countedFunctions, functionName } from './functions.ts'

/**
 * Another step of the WITH: `things`, all that has an owner, grants or a comment, each with its `key`, the key of the
 * `line` that it is on, and the letter by which acldefault() knows its kind. What belongs to a column has no owner of its
 * own.
 */
export const things = `, things as (
  select 'pg_namespace'::regclass as class, s.oid, 0 as part, 'schema ' || quote_ident(s.schema) as key,
    'schema ' || quote_ident(s.schema) as line, s.schema, s.nspowner as owner, s.nspacl as acl, 'n'::"char" as letter
  from spaces s where s.oid not in (select objid from members where classid = 'pg_namespace'::regclass)
  union all select 'pg_extension'::regclass, e.oid, 0, n.key, n.key, null, e.extowner, null, null
  from pg_extension e, lateral (select 'extension ' || quote_ident(e.extname) as key) n where e.oid >= 16384
  union all select 'pg_class'::regclass, r.oid, 0, r.key, r.key, r.schema, r.relowner, r.relacl, 'r'
  from relations r where r.relkind not in ('S', 'c')
  union all select 'pg_class'::regclass, r.oid, 0, r.key, case when o.identity then format('column %s.%I', o.relation::regclass, a.attname) else r.key end,
    r.schema, case when o.sequence is null then r.relowner end, r.relacl, 's'
  from relations r left join owners o on o.sequence = r.oid
  left join pg_attribute a on a.attrelid = o.relation and a.attnum = o.attnum where r.relkind = 'S'
  union all select 'pg_type'::regclass, t.oid, 0, r.key, r.key, r.schema, t.typowner, t.typacl, 'T'
  from relations r join pg_type t on t.oid = r.reltype where r.relkind = 'c'
  union all select 'pg_type'::regclass, t.oid, 0, n.key, n.key, s.schema, t.typowner, t.typacl, 'T'
  from pg_type t join spaces s on s.oid = t.typnamespace join (values ('e'::"char", 'enum'), ('d', 'domain'), ('r', 'range type')) as k (typtype, kind)
    on k.typtype = t.typtype, lateral (select format('%s %I.%I', k.kind, s.schema, t.typname) as key) n
  where t.oid not in (select objid from members where classid = 'pg_type'::regclass)
  union all select 'pg_proc'::regclass, p.oid, 0, k.kind || ' ' || ${functionName}, k.kind || ' ' || ${functionName}, s.schema,
    p.proowner, p.proacl, 'f'
  from ${countedFunctions} where d.objid is null
  union all select 'pg_collation'::regclass, c.oid, 0, n.key, n.key, s.schema, c.collowner, null, null
  from pg_collation c join spaces s on s.oid = c.collnamespace, lateral (select format('collation %I.%I', s.schema, c.collname) as key) n
  where c.oid not in (select objid from members where classid = 'pg_collation'::regclass)
  union all select 'pg_statistic_ext'::regclass, e.oid, 0, n.key, n.key, s.schema, e.stxowner, null, null
  from pg_statistic_ext e join spaces s on s.oid = e.stxnamespace join relations r on r.oid = e.stxrelid,
    lateral (select format('statistics %I.%I', s.schema, e.stxname) as key) n
  where e.oid not in (select objid from members where classid = 'pg_statistic_ext'::regclass)
  union all select 'pg_publication'::regclass, p.oid, 0, n.key, n.key, null, p.pubowner, null, null
  from pg_publication p, lateral (select 'publication ' || quote_ident(p.pubname) as key) n
  where p.oid not in (select objid from members where classid = 'pg_publication'::regclass)
  union all select 'pg_event_trigger'::regclass, e.oid, 0, n.key, n.key, null, e.evtowner, null, null
  from pg_event_trigger e, lateral (select 'event trigger ' || quote_ident(e.evtname) as key) n
  where e.oid not in (select objid from members where classid = 'pg_event_trigger'::regclass)
)`
