import { options } from './counted.ts'
import type { Part } from './part.ts'

/**
 * Constraints of tables, with what is special about the index behind one. What Postgres keeps beside a foreign key for
 * each partition that is referred to is left out. A foreign key whose triggers somebody has switched off holds nothing.
 */
export const constraints: Part = {
  about: 'constraints',
  kinds: ['constraint'],
  sql: () => `select 'constraint', r.name || '.' || quote_ident(c.conname), r.schema, concat_ws(' ',
      pg_get_constraintdef(c.oid), ${options('x.reloptions')}, ${indexMarks('i')}, t.disabled), r.key, false
    from pg_constraint c join relations r on r.oid = c.conrelid
    left join pg_constraint p on p.oid = c.conparentid
    left join pg_index i on i.indexrelid = c.conindid and c.contype in ('p', 'u', 'x')
    left join pg_class x on x.oid = i.indexrelid
    left join (select tgconstraint, 'with disabled triggers' as disabled from pg_trigger
      where tgisinternal and tgenabled = 'D' group by 1) t on t.tgconstraint = c.oid
    where c.contype in ('c', 'f', 'p', 'u', 'x') and p.conrelid is distinct from c.conrelid`,
}

/** What is to be said of an index beyond its definition. */
export function indexMarks(i: string): string {
  return `case when not (${i}.indisvalid and ${i}.indisready and ${i}.indislive) then 'invalid' end,
    case when ${i}.indisreplident then 'replica identity' end, case when ${i}.indisclustered then 'clustered' end`
}
