import type { Part } from './part.ts'

/** What a sequence is told beyond what one of that type is anyway; its last value is data. */
export function sequenceOptions(s: string, type: string): string {
  const largest = `case ${s}.seqtypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 else 9223372036854775807 end`
  const isUp = `${s}.seqincrement > 0`
  return `concat_ws(' ', 'as ' || format_type(nullif(${s}.seqtypid, ${type}), null),
    'start ' || nullif(${s}.seqstart, case when ${isUp} then ${s}.seqmin else ${s}.seqmax end),
    'increment ' || nullif(${s}.seqincrement, 1),
    'minvalue ' || nullif(${s}.seqmin, case when ${isUp} then 1 else -${largest} - 1 end),
    'maxvalue ' || nullif(${s}.seqmax, case when ${isUp} then ${largest} else -1 end),
    'cache ' || nullif(${s}.seqcache, 1), case when ${s}.seqcycle then 'cycle' end)`
}

/** Sequences; one that belongs to a column is a part of it, and that of an identity is said with its column. */
export const sequences: Part = {
  about: 'sequences',
  kinds: ['sequence'],
  sql: () => `select 'sequence', r.name, r.schema, concat_ws(' ', case when r.relpersistence = 'u' then 'unlogged' end,
      nullif(${sequenceOptions('s', `'int8'::regtype`)}, ''), case when c.attname is not null then 'owned by ' || column_name end),
      'column ' || column_name, false
    from relations r join pg_sequence s on s.seqrelid = r.oid
    left join owners o on o.sequence = r.oid
    left join pg_attribute c on c.attrelid = o.relation and c.attnum = o.attnum
    left join lateral (select format('%s.%I', o.relation::regclass, c.attname) as column_name where c.attname is not null) n on true
    where o.identity is not true`,
}
