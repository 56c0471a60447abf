import type { Part } from './part.ts'
import { things } from './things.ts'

/** Who owns what; the schema public has belonged to another role since 15. */
export const owners: Part = {
  about: 'owners',
  kinds: ['owner'],
  sql: () => `${things} select 'owner', t.key, t.schema, quote_ident(pg_get_userbyid(t.owner)), t.line, t.key = 'schema public'
    from things t where t.owner is not null`,
}

/**
 * What somebody may do who could not without a grant, and what somebody may not who could without a revoke: the owner
 * everything, and everybody execute functions and use types. The schema public has other grants since 15, so what
 * everybody may do there is always said.
 */
export const grants: Part = {
  about: 'grants',
  kinds: ['grant'],
  sql: () => `${things}, granted as (
      select key, line, schema, owner, acl, acldefault(letter, owner) as plain, ${every('letter', 'owner')} as every
      from (select t.key, t.line, t.schema, t.letter, coalesce(t.acl, acldefault(t.letter, n.owner)) as acl, n.owner
        from things t, lateral (select coalesce(t.owner, (select relowner from pg_class where oid = t.oid)) as owner) n
        where t.letter is not null and (t.acl is not null or t.key = 'schema public')) t
      union all select n.key, n.key, r.schema, r.relowner, a.attacl, null, array['INSERT', 'REFERENCES', 'SELECT', 'UPDATE']
      from relations r join pg_attribute a on a.attrelid = r.oid and a.attacl is not null and not a.attisdropped,
        lateral (select format('column %s.%I', r.name, a.attname) as key) n
    )${summed}
    select 'grant', format('%s to %s', key, grantee), schema, coalesce(now, 'nothing'), line, is_public
    from (select *, key = 'schema public' and grantee = 'PUBLIC' as is_public from summed) s where now is distinct from otherwise or is_public
    union all select 'grant', key || ' to PUBLIC', schema, 'nothing', line, true from granted
    where key = 'schema public' and not exists (select from aclexplode(acl) where grantee = 0)`,
}

/** What is granted on all that a role will create. */
export const defaultGrants: Part = {
  about: 'default privileges',
  kinds: ['default grant'],
  sql: () => `, granted as (
      select concat_ws(' ', 'for', quote_ident(pg_get_userbyid(d.defaclrole)), 'on', case d.defaclobjtype when 'r' then 'tables'
          when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' when 'L' then 'large objects'
          else d.defaclobjtype::text end, 'in ' || quote_ident(s.schema)) as key, 'schema ' || quote_ident(s.schema) as line,
        s.schema, d.defaclrole as owner, d.defaclacl as acl, ${every('k.letter', 'd.defaclrole')} as every,
        case when d.defaclnamespace = 0 then acldefault(k.letter, d.defaclrole) end as plain
      from pg_default_acl d left join spaces s on s.oid = d.defaclnamespace,
        lateral (select case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end as letter) k
      where d.defaclnamespace = 0 or s.oid is not null
    )${summed}
    select 'default grant', format('%s to %s', key, grantee), schema, coalesce(now, 'nothing'), line, false
    from summed where now is distinct from otherwise`,
}

/** The privileges that there are of one kind. */
function every(letter: string, owner: string): string {
  return `array(select e.privilege_type::text from aclexplode(acldefault(${letter}, ${owner})) e where e.grantee = ${owner} order by 1)`
}

/** All privileges of a kind are one word, and of an owner's what is missing is said, because since 17 tables have one more. */
const summed = `, held as (
      select key, line, schema, every, e.grantee, owner, is_now, plain is not null as had_all, e.privilege_type, bool_or(e.is_grantable) as grantable
      from granted cross join lateral (values (true, acl), (false, plain)) as x (is_now, list) cross join lateral aclexplode(x.list) e
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    ), said as (
      select key, line, schema, is_now,
        case grantee when 0 then 'PUBLIC' when owner then 'its owner' else quote_ident(pg_get_userbyid(grantee)) end as grantee,
        case when grantee = owner and had_all and count(*) < cardinality(every)
          then 'ALL but ' || (select string_agg(p, ', ' order by p collate "C") from unnest(every) as p where p <> all(array_agg(h.privilege_type)))
          when cardinality(every) > 1 and count(*) = cardinality(every) and bool_and(grantable) = bool_or(grantable)
          then 'ALL' || case when bool_and(grantable) then ' with grant option' else '' end
          else string_agg(privilege_type || case when grantable then ' with grant option' else '' end, ', ' order by privilege_type collate "C")
        end as said
      from held h group by key, line, schema, every, grantee, owner, is_now, had_all
    ), summed as (
      select key, line, schema, grantee, max(said) filter (where is_now) as now, max(said) filter (where not is_now) as otherwise
      from said group by 1, 2, 3, 4
    )`
