import type { Session } from '../postgres/session.ts'
import type { Address } from './listed.ts'

/** What would go with something that is dropped by CASCADE. */
export interface Dependent extends Address {
  /** Whether it may be a part of something, and goes without a word with what it is a part of. */
  readonly mayBePart: boolean
  /** What it is a part of, by the catalog. */
  readonly of: readonly Address[]
}

/**
 * Everything that DROP ... CASCADE of these would take, they themselves included: what depends on them, what depends on
 * that, and what cannot be without a part that goes.
 */
export async function findDependents(session: Session, roots: readonly Address[]): Promise<readonly Dependent[]> {
  return session.query<Dependent>(
    `with recursive reached as (
       select classid, objid, objsubid from unnest($1::oid[], $2::oid[], $3::int[]) as root (classid, objid, objsubid)
       union
       select next.* from reached r cross join lateral (
         select d.classid, d.objid, d.objsubid from pg_depend d
         where d.refclassid = r.classid and d.refobjid = r.objid and (r.objsubid = 0 or d.refobjsubid = r.objsubid)
         union all
         select d.refclassid, d.refobjid, d.refobjsubid from pg_depend d
         where d.classid = r.classid and d.objid = r.objid and d.objsubid = r.objsubid and d.deptype in ('i', 'e')
       ) next
     )
     select r.classid::text as classid, r.objid::text as objid, r.objsubid,
       case r.classid
         when 'pg_class'::regclass then r.objsubid > 0 or c.relkind in ('i', 'I', 't', 'S', 'c')
         when 'pg_trigger'::regclass then coalesce(t.tgisinternal or t.tgparentid <> 0, false)
         when 'pg_rewrite'::regclass then coalesce(w.rulename = '_RETURN', false)
         else r.classid not in ('pg_policy'::regclass, 'pg_publication_rel'::regclass, 'pg_event_trigger'::regclass
           ${session.serverVersion >= 150_000 ? `, 'pg_publication_namespace'::regclass` : ''})
       end as "mayBePart",
       coalesce(p.of, '[]') as of
     from reached r
     left join pg_class c on r.classid = 'pg_class'::regclass and c.oid = r.objid
     left join pg_trigger t on r.classid = 'pg_trigger'::regclass and t.oid = r.objid
     left join pg_rewrite w on r.classid = 'pg_rewrite'::regclass and w.oid = r.objid
     left join lateral (
       select json_agg(json_build_object('classid', d.refclassid::text, 'objid', d.refobjid::text, 'objsubid', d.refobjsubid)) as of
       from pg_depend d where d.classid = r.classid and d.objid = r.objid and d.objsubid = r.objsubid
         and (d.deptype in ('a', 'i', 'P', 'S', 'x', 'e') or d.classid = 'pg_user_mapping'::regclass)
     ) p on true`,
    [roots.map(({ classid }) => classid), roots.map(({ objid }) => objid), roots.map(({ objsubid }) => objsubid)],
  )
}

/** What stands in each of these schemas, but what an extension has brought. */
export async function findInSchemas(
  session: Session,
  schemas: readonly string[],
): Promise<readonly (Address & { readonly schema: string })[]> {
  return session.query(
    `select d.classid::text as classid, d.objid::text as objid, d.objsubid, d.refobjid::text as schema from pg_depend d
     where d.refclassid = 'pg_namespace'::regclass and d.refobjid = any($1::oid[])
       and d.classid <> 'pg_default_acl'::regclass and not exists (
         select from pg_depend e where e.classid = d.classid and e.objid = d.objid and e.deptype = 'e')`,
    [schemas],
  )
}

/** What Postgres calls them, in their order; for messages. */
export async function nameAll(session: Session, of: readonly Address[]): Promise<readonly string[]> {
  const rows = await session.query<{ words: string }>(
    `select pg_describe_object(classid, objid, objsubid) as words
     from unnest($1::oid[], $2::oid[], $3::int[]) with ordinality as o (classid, objid, objsubid, n) order by n`,
    [of.map(({ classid }) => classid), of.map(({ objid }) => objid), of.map(({ objsubid }) => objsubid)],
  )
  return rows.map(({ words }) => words)
}
