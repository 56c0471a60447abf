import { expect, test } from 'vitest'
import { findings, problems } from './findings.ts'

const plpgsql = (body: string) => `select 1;\ncreate function f() returns int language plpgsql as $$${body}$$;`

test.each([
  ['\nbegin\n  if true than return 1; end if;\nend\n', '4:24'],
  ['\nbegin\n  return 1\nend\n', '4:10'],
  ['\ndeclare\n  x int\nbegin\n  return 1;\nend\n', '5:1'],
  ['\nbegin\n  select 1 frm x y;\n  return 1;\nend\n', '4:16'],
  ['\nbegin\n  for i in 1..3 loop\n    perform 1;\n  end;\nend\n', '6:6'],
  [`\nbegin\n  raise notice 'é🎉'; retrun 1;\nend\n`, '4:22'],
])('PL/pgSQL that is wrong: %j at %s', (body, place) => {
  expect(findings(plpgsql(body))).toEqual([`${place} function-body`])
  // Nothing is returned by a DO.
  if (!body.includes('return 1\n')) expect(findings(`select 1;\ndo $$${body}$$;`)).toEqual([`${place} function-body`])
})

test('PL/pgSQL in a quoted string is told with the place of the string', () => {
  expect(findings(`create function f() returns int language plpgsql as '\nbegin\n  retrun ''1'';\nend'`)).toEqual([
    '1:54 function-body',
  ])
  expect(findings(`create function f() returns int language plpgsql as '\nbegin\n  retrun 1;\nend'`)).toEqual([
    '3:3 function-body',
  ])
})

test.each([
  `begin return 1; end`,
  `declare r t%rowtype; n t.a%type; arr text[]; c cursor (k int) for select 1; begin open c(1); fetch c into r; return r.x; end`,
  `begin select a, b into strict x.y, z from t; return 1; end`,
  `begin return query execute format('select %L', $1) using a; exception when unique_violation then return 1; end`,
  `#variable_conflict use_column\nbegin <<a>> loop exit a when true; continue a; end loop a; return 1; end`,
  `begin new.a := now(); perform pg_notify('x', row_to_json(new)::text); return new; end`,
  `begin for r in select * from t loop r.x := 1; end loop; foreach x slice 1 in array arr loop null; end loop; end`,
  `begin raise exception 'x %', 1 using errcode = 'P0001', hint = 'y'; assert 1 = 1, 'z'; get diagnostics n = row_count; end`,
  `begin case x when 1 then null; else null; end case; merge into t using u on true when matched then delete; end`,
])('PL/pgSQL that is right, or that needs a catalog to tell: %j', (body) => {
  expect(findings(plpgsql(body))).toEqual([])
  expect(findings(plpgsql(body).replace('returns int', 'returns trigger'))).toEqual([])
})

test.each([
  ['create function f() returns int language sql as $$\nselect 1 +\n$$', '3:1'],
  ['create function f() returns int language sql as $$\n  selct 1\n$$', '2:3'],
  [`create function f() returns int language sql as 'select ''a'' frm x y'`, '1:50'],
])('SQL that is wrong: %j', (sql, place) => {
  expect(findings(sql)).toEqual([`${place} function-body`])
})

test.each([
  'create function f() returns int language sql as $$ select 1; select $1 $$',
  'create function f() returns int language sql as $$ $$',
  'create function f() returns int language sql return 1',
  'create function f() returns int language sql begin atomic select 1; end',
  'create function f() returns int language plv8 as $$ return 1 $$',
  `create function f() returns int language c as 'lib', 'symbol'`,
  'do language plperl $$ 1; $$',
])('what has no body of ours: %s', (sql) => {
  expect(findings(sql)).toEqual([])
})

test.each([
  'set check_function_bodies = off',
  'set check_function_bodies to false',
  `select set_config('check_function_bodies', 'off', false)`,
])('after %s Postgres takes every body, and so do we; a DO runs all the same', (sql) => {
  const wrong = 'create function f() returns int language plpgsql as $$ begin retrun; end $$'
  expect(findings(`${sql};\n${wrong}`)).toEqual([])
  expect(findings(`${sql};\ndo $$ begin retrun; end $$`)).toHaveLength(1)
})

test('the message is the parser’s', () => {
  expect(problems('do $$ begin retrun; end $$')[0]!.what).toBe('syntax error at or near "retrun"')
})
