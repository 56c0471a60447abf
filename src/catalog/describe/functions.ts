import type { Part } from './part.ts'

/** Functions that count; those that a range type brings are said with it. */
export const countedFunctions = `pg_proc p join spaces s on s.oid = p.pronamespace
    join (values ('f'::"char", 'function'), ('w', 'function'), ('p', 'procedure'), ('a', 'aggregate')) as k (prokind, kind)
      on k.prokind = p.prokind
    left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.objsubid = 0 and d.deptype in ('e', 'i')`

/** A function's name as ALTER FUNCTION takes it, without the names of arguments. */
export const functionName = `format('%I.%I(%s)', s.schema, p.proname, oidvectortypes(p.proargtypes))`

/** Functions and procedures; a body that Postgres has parsed is written by it in its own way. */
export const functions: Part = {
  about: 'functions and procedures',
  kinds: ['function', 'procedure'],
  sql: () => `select k.kind, ${functionName}, s.schema, rtrim(pg_get_functiondef(p.oid), E'\\n'), null, p.prosqlbody is not null
    from ${countedFunctions} where p.prokind <> 'a' and d.objid is null`,
}

/** Aggregates, for which Postgres writes no definition. */
export const aggregates: Part = {
  about: 'aggregates',
  kinds: ['aggregate'],
  sql: () => `select k.kind, ${functionName}, s.schema, concat_ws(', ',
      format('(%s) returns %s', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)),
      case a.aggkind when 'o' then 'ordered set' when 'h' then 'hypothetical set' end,
      'sfunc ' || a.aggtransfn::regprocedure, 'stype ' || a.aggtranstype::regtype, 'sspace ' || nullif(a.aggtransspace, 0),
      'finalfunc ' || ${given('a.aggfinalfn')}, case when a.aggfinalextra then 'finalfunc_extra' end,
      'finalfunc_modify ' || nullif(a.aggfinalmodify::text, case a.aggkind when 'n' then 'r' else 'w' end),
      'combinefunc ' || ${given('a.aggcombinefn')}, 'serialfunc ' || ${given('a.aggserialfn')},
      'deserialfunc ' || ${given('a.aggdeserialfn')}, 'initcond ' || quote_literal(a.agginitval),
      'msfunc ' || ${given('a.aggmtransfn')}, 'minvfunc ' || ${given('a.aggminvtransfn')},
      'mstype ' || nullif(a.aggmtranstype, 0)::regtype, 'msspace ' || nullif(a.aggmtransspace, 0),
      'mfinalfunc ' || ${given('a.aggmfinalfn')}, case when a.aggmfinalextra then 'mfinalfunc_extra' end,
      'mfinalfunc_modify ' || nullif(a.aggmfinalmodify::text, case a.aggkind when 'n' then 'r' else 'w' end),
      'minitcond ' || quote_literal(a.aggminitval), 'sortop ' || nullif(a.aggsortop, 0)::regoperator,
      'parallel ' || case p.proparallel when 's' then 'safe' when 'r' then 'restricted' end), null, false
    from ${countedFunctions} join pg_aggregate a on a.aggfnoid = p.oid where d.objid is null`,
}

function given(function_: string): string {
  return `nullif(${function_}, 0)::regprocedure`
}
