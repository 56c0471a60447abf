import type { Part } from './part.ts'

/**
 * What people made of kinds that have no lines, named; the same WITH comes before it as before every part. Large objects
 * are data, but no table tells of them, so that there are some is said.
 */
export const notModelled: Part = {
  about: 'kinds that are not modelled',
  kinds: ['other'],
  sql: () => `, made as (
    ${listed('pg_operator', 'oprnamespace', `'operator ' || o.oid::regoperator`)}
    union all ${listed('pg_opclass', 'opcnamespace', inSchema('operator class', 'opcname', true))}
    union all ${listed('pg_opfamily', 'opfnamespace', inSchema('operator family', 'opfname', true))}
    union all ${listed('pg_conversion', 'connamespace', inSchema('conversion', 'conname'))}
    union all ${listed('pg_ts_config', 'cfgnamespace', inSchema('text search configuration', 'cfgname'))}
    union all ${listed('pg_ts_dict', 'dictnamespace', inSchema('text search dictionary', 'dictname'))}
    union all ${listed('pg_ts_parser', 'prsnamespace', inSchema('text search parser', 'prsname'))}
    union all ${listed('pg_ts_template', 'tmplnamespace', inSchema('text search template', 'tmplname'))}
    union all ${listed('pg_type', 'typnamespace', inSchema('base type', 'typname'))}
      and o.typtype in ('b', 'p')
    union all ${listed('pg_cast', null, `format('cast (%s as %s)', o.castsource::regtype, o.casttarget::regtype)`)}
    union all ${listed('pg_language', null, alone('language', 'lanname'))}
    union all ${listed('pg_transform', null, `format('transform for %s language %I', o.trftype::regtype, (select lanname from pg_language l where l.oid = o.trflang))`)}
    union all ${listed('pg_am', null, alone('access method', 'amname'))}
    union all ${listed('pg_foreign_data_wrapper', null, alone('foreign data wrapper', 'fdwname'))}
    union all ${listed('pg_foreign_server', null, alone('server', 'srvname'))}
    union all select format('user mapping for %s server %I', case when umuser = 0 then 'public' else quote_ident(usename) end, srvname)
      from pg_user_mappings
    union all select 'subscription ' || quote_ident(subname) from pg_subscription
      where subdbid = (select oid from pg_database where datname = current_database())
    union all select 'security labels of ' || provider from pg_seclabel
    union all (select 'large objects' from pg_largeobject_metadata limit 1)
  ) select distinct * from made`,
}

/** What is of one catalog, and not of initdb, of an extension or of something else that people made. */
function listed(catalog: string, namespace: string | null, words: string): string {
  const within = namespace === null ? '' : ` join spaces s on s.oid = o.${namespace}`
  return `select ${words} from ${catalog} o${within} where o.oid >= 16384
      and not exists (select from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = o.oid and d.deptype in ('e', 'i'))`
}

function inSchema(kind: string, column: string, isOfMethod = false): string {
  const method = isOfMethod
    ? `|| ' using ' || (select amname from pg_am a where a.oid = o.${column.slice(0, 3)}method)`
    : ''
  return `format('${kind} %I.%I', s.schema, o.${column}) ${method}`
}

function alone(kind: string, column: string): string {
  return `'${kind} ' || quote_ident(o.${column})`
}
