import type { Part } from './part.ts'

/** Schemas but those that extensions made. */
export const schemas: Part = {
  about: 'schemas',
  kinds: ['schema'],
  sql: () => `select 'schema', quote_ident(s.schema), s.schema, '', null, false from spaces s
    where s.oid not in (select objid from members where classid = 'pg_namespace'::regclass)`,
}

/** Extensions but the one of initdb; their version is that of the server's packages. */
export const extensions: Part = {
  about: 'extensions',
  kinds: ['extension'],
  sql: () => `select 'extension', quote_ident(e.extname), n.nspname::text, 'in schema ' || quote_ident(n.nspname), null, false
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.oid >= 16384`,
}

/** Collations; how ICU's are spelled has changed from one major version to the next. */
export const collations: Part = {
  about: 'collations',
  kinds: ['collation'],
  sql: (version) => {
    const icu = version >= 170_000 ? 'c.colllocale' : version >= 150_000 ? 'c.colliculocale' : 'c.collcollate'
    const rules = version >= 160_000 ? `'rules ' || quote_literal(c.collicurules)` : 'null'
    return `select 'collation', format('%I.%I', s.schema, c.collname), s.schema, concat_ws(', ',
      'provider ' || case c.collprovider when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' else c.collprovider::text end,
      case c.collprovider when 'c' then format('locale %L, %L', c.collcollate, c.collctype)
        else 'locale ' || quote_literal(${icu}) end,
      ${rules}, case when not c.collisdeterministic then 'not deterministic' end), null, c.collprovider = 'i'
    from pg_collation c join spaces s on s.oid = c.collnamespace
    where c.oid not in (select objid from members where classid = 'pg_collation'::regclass)`
  },
}
