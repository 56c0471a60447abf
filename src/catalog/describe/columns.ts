import { foreignOptions, options } from './counted.ts'
import type { Part } from './part.ts'
import { sequenceOptions } from './sequences.ts'

/**
 * Columns of tables and views, and those of composite types. Not null is said here and not as a constraint, which it is
 * from 18 on. Before 17 a partition's column did not say that its parent's is an identity, so none does.
 */
export const columns: Part = {
  about: 'columns',
  kinds: ['column'],
  sql: (version) => {
    const notNull =
      version >= 180_000
        ? `'not null' || case when n.connoinherit then ' no inherit' else '' end || case when not n.convalidated then ' not valid' else '' end`
        : `'not null'`
    return `select 'column', r.name || '.' || quote_ident(a.attname), r.schema, concat_ws(' ',
      format_type(a.atttypid, a.atttypmod),
      case when a.attcollation not in (0, t.typcollation) then 'collate ' || a.attcollation::regcollation end,
      case when a.attnotnull then ${version >= 180_000 ? `coalesce(${notNull}, 'not null')` : notNull} end,
      case when a.attgenerated <> '' then format('generated always as (%s) %s', pg_get_expr(d.adbin, d.adrelid),
          case a.attgenerated when 's' then 'stored' else 'virtual' end)
        else 'default ' || pg_get_expr(d.adbin, d.adrelid) end,
      case when a.attidentity <> '' and not r.relispartition then concat_ws(' ', 'generated',
        case a.attidentity when 'a' then 'always' else 'by default' end, 'as identity', i.options) end,
      case when r.relkind in ('r', 'p', 'f', 'm') and a.attstorage <> t.typstorage then 'storage ' ||
        case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end end,
      'compression ' || case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
      case when a.attstattarget >= 0 then 'statistics ' || a.attstattarget end,
      ${options('a.attoptions')}, ${foreignOptions('a.attfdwoptions')}), r.key, false
    from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join (select o.relation, o.attnum, '(' || nullif(${sequenceOptions('s', 'c.atttypid')}, '') || ')' as options
      from owners o join pg_sequence s on s.seqrelid = o.sequence
      join pg_attribute c on c.attrelid = o.relation and c.attnum = o.attnum
      where o.identity) i on i.relation = a.attrelid and i.attnum = a.attnum and a.attidentity <> ''
    ${
      version >= 180_000
        ? `left join pg_constraint n on n.conrelid = a.attrelid and n.contype = 'n' and n.conkey = array[a.attnum] and a.attnotnull`
        : ''
    }
    where r.relkind <> 'S'`
  },
}
