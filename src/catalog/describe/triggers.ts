import type { Part } from './part.ts'

const state = (of: string) =>
  `case ${of} when 'D' then 'disabled' when 'R' then 'on a replica' when 'A' then 'always' end`

/**
 * Triggers that people made; those that a partition has from its parent, before 15 as internal ones, count only where
 * they fire otherwise.
 */
export const triggers: Part = {
  about: 'triggers',
  kinds: ['trigger'],
  sql: () => `select 'trigger', r.name || '.' || quote_ident(t.tgname), r.schema,
      concat_ws(' ', pg_get_triggerdef(t.oid), ${state('t.tgenabled')}), r.key, false
    from pg_trigger t join relations r on r.oid = t.tgrelid left join pg_trigger p on p.oid = t.tgparentid
    where (not t.tgisinternal or t.tgparentid <> 0 and t.tgconstraint = 0) and p.tgenabled is distinct from t.tgenabled`,
}

/** Rules but those that make a view a view; they hold queries, as views do. */
export const rules: Part = {
  about: 'rules',
  kinds: ['rule'],
  sql: () => `select 'rule', r.name || '.' || quote_ident(w.rulename), r.schema,
      concat_ws(' ', rtrim(pg_get_ruledef(w.oid), ';'), ${state('w.ev_enabled')}), r.key, true
    from pg_rewrite w join relations r on r.oid = w.ev_class where w.rulename <> '_RETURN'`,
}

/** Event triggers. */
export const eventTriggers: Part = {
  about: 'event triggers',
  kinds: ['event trigger'],
  sql: () => `select 'event trigger', quote_ident(e.evtname), null, concat_ws(' ', 'on', e.evtevent,
      (select 'when tag in (' || string_agg(quote_literal(t), ', ' order by t collate "C") || ')' from unnest(e.evttags) as t),
      'execute function ' || e.evtfoid::regprocedure, ${state('e.evtenabled')}), null, false
    from pg_event_trigger e where e.oid not in (select objid from members where classid = 'pg_event_trigger'::regclass)`,
}
