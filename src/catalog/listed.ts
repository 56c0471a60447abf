import type { Session } from '../postgres/session.ts'
import { functionName } from './describe/functions.ts'

/** Something that the database has, as the catalogs know it. */
export interface Address {
  /** The catalog that it is a row of, by its oid. */
  readonly classid: string
  readonly objid: string
  /** The number of a column; 0 for all of it. */
  readonly objsubid: number
}

/** A thing of a schema that the database has, with what it takes to drop it. */
export interface Listed extends Address {
  readonly kind: string
  /** As DROP takes it, without the relation that it is a part of. */
  readonly name: string
  /** The key of a description. */
  readonly key: string
  /** The relation that it is a part of, as the catalogs know it and as SQL names it; null for what stands by itself. */
  readonly relation: string | null
  readonly relationName: string | null
  readonly relationKind: string | null
  /** The oid of the schema that it stands in; null for what stands in none. */
  readonly schema: string | null
  /** Whether the role may drop it. */
  readonly mayDrop: boolean
}

/**
 * What of these keys the database has; `others` are the names of things of kinds that have no keys. To be asked under a
 * search_path on which nothing of theirs is.
 */
export async function findListed(
  session: Session,
  keys: readonly string[],
  others: readonly string[],
): Promise<readonly Listed[]> {
  return session.query<Listed>(
    `with wanted as (select unnest($1::text[]) as key), wanted_others as (select unnest($2::text[]) as key), spaces as (
       select oid, nspname::text as schema, nspowner from pg_namespace
     ), members as (
       select classid, objid from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e'
     ), relations as (
       select c.oid, c.relkind, c.relowner, c.reltype, s.oid as space, k.kind,
         format('%I.%I', s.schema, c.relname) as name
       from pg_class c join spaces s on s.oid = c.relnamespace join (values ('r'::"char", 'table'), ('p', 'table'),
         ('f', 'foreign table'), ('v', 'view'), ('m', 'materialized view'), ('c', 'composite type'), ('S', 'sequence'),
         ('i', 'index'), ('I', 'index')) as k (relkind, kind) on k.relkind = c.relkind
     ), found as (${[...alone, ...parts].join('\n union all ')}
     ), of_kinds as (
       select * from (select f.*, kind || ' ' ||
         case when kind = 'index' then name else concat(relation_name || '.', name) end as key from found f) k
       where key in (select key from wanted)
       union all select o.* from (${otherKinds}) o where lower(key) in (select lower(key) from wanted_others)
     )
     select kind, name, key, classid::oid::text as classid, objid::text as objid, objsubid, relation::text as relation,
       relation_name as "relationName", relation_kind as "relationKind", space::text as schema,
       owner is null or pg_has_role(owner, 'usage') as "mayDrop"
     from of_kinds where (classid, objid) not in (select classid, objid from members)`,
    [keys, others],
  )
}

const nothing = 'null::oid, null::text, null::text'
const columns = 'as t (kind, name, classid, objid, objsubid, relation, relation_name, relation_kind, space, owner)'

/** Things that stand by themselves, each with its owner and that of its schema. */
const alone = [
  `select * from (select kind, name, case relkind when 'c' then 'pg_type'::regclass else 'pg_class'::regclass end,
     case relkind when 'c' then reltype else oid end, 0, ${nothing}, space, relowner from relations
     where kind <> 'index') ${columns}`,
  `select k.kind, format('%I.%I', s.schema, t.typname), 'pg_type'::regclass, t.oid, 0, ${nothing}, s.oid, t.typowner
   from pg_type t join spaces s on s.oid = t.typnamespace
   join (values ('e'::"char", 'enum'), ('d', 'domain'), ('r', 'range type')) as k (typtype, kind) on k.typtype = t.typtype`,
  `select k.kind, ${functionName}, 'pg_proc'::regclass, p.oid, 0, ${nothing}, s.oid, p.proowner
   from pg_proc p join spaces s on s.oid = p.pronamespace join (values ('f'::"char", 'function'), ('w', 'function'),
     ('p', 'procedure'), ('a', 'aggregate')) as k (prokind, kind) on k.prokind = p.prokind`,
  `select 'collation', format('%I.%I', s.schema, c.collname), 'pg_collation'::regclass, c.oid, 0, ${nothing}, s.oid, c.collowner
   from pg_collation c join spaces s on s.oid = c.collnamespace`,
  `select 'statistics', format('%I.%I', s.schema, e.stxname), 'pg_statistic_ext'::regclass, e.oid, 0, ${nothing}, s.oid, e.stxowner
   from pg_statistic_ext e join spaces s on s.oid = e.stxnamespace`,
  `select 'schema', quote_ident(schema), 'pg_namespace'::regclass, oid, 0, ${nothing}, null, nspowner from spaces`,
  `select 'extension', quote_ident(extname), 'pg_extension'::regclass, oid, 0, ${nothing}, extnamespace, extowner from pg_extension`,
  `select 'publication', quote_ident(pubname), 'pg_publication'::regclass, oid, 0, ${nothing}, null, pubowner from pg_publication`,
  `select 'event trigger', quote_ident(evtname), 'pg_event_trigger'::regclass, oid, 0, ${nothing}, null, evtowner from pg_event_trigger`,
]

const ofRelation = 'r.oid, r.name, r.kind, r.space, r.relowner'

/** Parts of relations; who owns the relation may drop them. */
const parts = [
  `select 'column', quote_ident(a.attname), 'pg_class'::regclass, r.oid, a.attnum, ${ofRelation}
   from pg_attribute a join relations r on r.oid = a.attrelid where a.attnum > 0 and not a.attisdropped and r.kind <> 'index'`,
  `select 'constraint', quote_ident(c.conname), 'pg_constraint'::regclass, c.oid, 0, ${ofRelation}
   from pg_constraint c join relations r on r.oid = c.conrelid`,
  `select 'index', i.name, 'pg_class'::regclass, i.oid, 0, ${ofRelation}
   from pg_index x join relations i on i.oid = x.indexrelid join relations r on r.oid = x.indrelid`,
  `select 'trigger', quote_ident(t.tgname), 'pg_trigger'::regclass, t.oid, 0, ${ofRelation}
   from pg_trigger t join relations r on r.oid = t.tgrelid where not t.tgisinternal`,
  `select 'policy', quote_ident(p.polname), 'pg_policy'::regclass, p.oid, 0, ${ofRelation}
   from pg_policy p join relations r on r.oid = p.polrelid`,
  `select 'rule', quote_ident(w.rulename), 'pg_rewrite'::regclass, w.oid, 0, ${ofRelation}
   from pg_rewrite w join relations r on r.oid = w.ev_class where w.rulename <> '_RETURN'`,
]

/** What people made of kinds that have no keys, named as Postgres names it. */
const otherKinds = `select kind, identity as name, classid, objid, 0, ${nothing}, space, null::oid,
    case when kind = 'type' then 'base type ' else kind || ' ' end || identity as key
  from (
    select replace(i.type, 'foreign-data', 'foreign data') as kind, i.identity, o.classid, o.objid, o.space from (
      ${[
        ['pg_operator', 'oprnamespace'],
        ['pg_opclass', 'opcnamespace'],
        ['pg_opfamily', 'opfnamespace'],
        ['pg_conversion', 'connamespace'],
        ['pg_ts_config', 'cfgnamespace'],
        ['pg_ts_dict', 'dictnamespace'],
        ['pg_ts_parser', 'prsnamespace'],
        ['pg_ts_template', 'tmplnamespace'],
        ['pg_cast', 'null'],
        ['pg_language', 'null'],
        ['pg_transform', 'null'],
        ['pg_am', 'null'],
        ['pg_foreign_data_wrapper', 'null'],
        ['pg_foreign_server', 'null'],
      ]
        .map(
          ([catalog, space]) =>
            `select '${catalog}'::regclass as classid, oid as objid, ${space}::oid as space from ${catalog} where oid >= 16384`,
        )
        .join(' union all ')}
      union all select 'pg_type'::regclass, oid, typnamespace from pg_type
        where oid >= 16384 and typtype in ('b', 'p') and typcategory <> 'A'
    ) o, pg_identify_object(o.classid, o.objid, 0) i
  ) named`
