import { beforeAll, expect, test } from 'vitest'
import { loadParser, parseSql } from '../../../src/checks/check-down.ts'

beforeAll(loadParser)

const texts = (sql: string) => parseSql('f.sql', sql).statements.map(({ start, end }) => sql.slice(start, end))

test('statements are where they stand in the text, in UTF-16 units, each with its line', () => {
  const sql = `-- 🎉 é\nselect '𝒳é';\n\n/* é */ insert into t values ('🎉');;\n  update t set x = 1`
  const { statements } = parseSql('f.sql', sql)
  expect(texts(sql).map((text) => text.trim())).toEqual([
    expect.stringMatching(/select '𝒳é'$/),
    expect.stringMatching(/insert into t values \('🎉'\)$/),
    'update t set x = 1',
  ])
  expect(statements.map(({ kind }) => kind)).toEqual(['SelectStmt', 'InsertStmt', 'UpdateStmt'])
})

test('semicolons in strings, bodies, comments and rules end nothing', () => {
  expect(
    texts(`select 'a;b', "c;d", E'\\';', $x$;$x$ from t;
      create function f() returns int language plpgsql as $$ begin; return 1; end $$;
      create function g() returns int language sql begin atomic select 1; select 2; end;
      create rule r as on insert to t do (delete from t; select 1);
      /* ; /* ; */ ; */ select 1 -- ;`),
  ).toHaveLength(5)
})

test.each(['', ' \n\t', '-- nothing', '/* nothing */', ';', ';;\n;', '-- a\n;-- b'])(
  '%j has no statements and no problem',
  (sql) => {
    expect(parseSql('f.sql', sql)).toMatchObject({ statements: [], creates: [], problems: [] })
  },
)

test.each([
  ['creat table t ()', 1, 1, 'syntax error at or near "creat"'],
  ['select 1;\nselect (2;', 2, 10, 'syntax error at or near ";"'],
  [`select '🎉', 'é' frm t x`, 1, 21, 'syntax error at or near "t"'],
  ['select 1 1', 1, 10, 'syntax error at or near "1"'],
  ['\n\n\tselect 1;;\tselct', 3, 13, 'syntax error at or near "selct"'],
  [`select 'open`, 1, 8, `unterminated quoted string at or near "'open"`],
  ['/* open', 1, 1, 'unterminated /* comment'],
  ['select 1 +', 1, 11, 'syntax error at end of input'],
  ['do $$ begin', 1, 4, 'unterminated dollar-quoted string'],
])('%j is wrong at %i:%i', (sql, line, column, what) => {
  const { problems } = parseSql('f.sql', sql)
  const place = { file: 'f.sql', line, column, text: sql.split('\n')[line - 1] }
  const next = expect.stringContaining('docs/checks.md#syntax')
  expect(problems).toEqual([{ what: expect.stringContaining(what), place, next, rule: 'syntax' }])
})

test('what a text creates, by the names it uses', () => {
  const { creates } = parseSql(
    'f.sql',
    `create table users (id int); create table if not exists "Odd ""Name""" (id int);
     create table app.users (id int); create view app.v as select 1; create materialized view m as select 1;
     create sequence s; create table t as select 1; create unlogged table u (id int);
     create temporary table gone (id int); create temp view gone_too as select 1; select 1 into temp gone_again;
     create index i on users (id); create type kind as enum ('a'); alter table users rename to people`,
  )
  expect(creates).toEqual(['users', '"Odd ""Name"""', 'app.users', 'app.v', 'm', 's', 't', 'u'])
})

test('a name that is a key word of SQL is found as a relation all the same', () => {
  expect(parseSql('f.sql', 'create table "user" (id int); create table "order" (id int)').creates).toEqual([
    'user',
    'order',
  ])
})

test('statements of a large text are found in a moment', () => {
  const sql = Array.from({ length: 5_000 }, (_, n) => `insert into t values (${n}, 'é🎉');`).join('\n')
  const begun = performance.now()
  const { statements } = parseSql('f.sql', sql)
  expect(performance.now() - begun).toBeLessThan(1_000)
  expect(statements).toHaveLength(5_000)
  expect(sql.slice(statements.at(-1)!.start, statements.at(-1)!.end).trim()).toBe(`insert into t values (4999, 'é🎉')`)
})

test('the line of a statement is the one where it begins, not where the comment before it does', () => {
  const sql = 'select 1;\n-- a comment\n-- of two lines\nselect 2;\n\n\nselect 3'
  expect(parseSql('f.sql', sql).statements.map(({ line }) => line)).toEqual([1, 4, 7])
})
