import { describe, expect, test } from 'vitest'
import { checkSql } from '../../../../src/checks/check-text.ts'
import { nothingDeclared } from '../../../../src/checks/declared.ts'
import { textScript } from '../../../../src/sql/script.ts'
import { findings, layout, problems } from './findings.ts'

test.each([
  'begin',
  'start transaction',
  'commit',
  'end',
  'rollback',
  'abort',
  'commit and chain',
  'rollback and chain',
  `prepare transaction 'x'`,
  `commit prepared 'x'`,
  `rollback prepared 'x'`,
  'set transaction isolation level serializable',
])('%s is refused at top level', (sql) => {
  expect(findings(`select 1;\n${sql};\nselect 2`)).toEqual(['2:1 transaction-control'])
})

test.each([
  'savepoint a; release a',
  'savepoint a; rollback to a',
  'set transaction isolation level read committed',
  'set constraints all deferred',
  'create procedure p() language plpgsql as $$ begin commit; end $$',
  'create function f() returns int begin atomic select 1; end',
  'do $$ begin perform 1; end $$',
  `select 'begin; commit'`,
])('%s is fine', (sql) => {
  expect(findings(`select 1; ${sql}; select 2`)).toEqual([])
})

describe('one pair around the whole file', () => {
  test.each([
    'begin; A; commit;',
    'begin transaction;\nA;\nend',
    'start transaction; A; commit work',
    '-- x\nbegin;A;commit;\n-- y',
  ])('%j is left out, with a notice', (shape) => {
    const { layout: found, problems: none, notices } = checkSql({ file: 'f.sql', text: shape.replace('A', 'select 1'), role: 'migration' }, nothingDeclared()) // prettier-ignore
    expect(none).toEqual([])
    expect(notices).toMatchObject([{ rule: 'transaction-control' }])
    expect(found.statements).toMatchObject([{ kind: 'SelectStmt' }])
    expect(found.transaction).toBe(true)
  })

  test('leaves every line and column where it is', () => {
    const text = 'begin -- é\n;\n  select 1;\ncommit;\n'
    const script = textScript(() => text, layout(text))
    expect(script.read()).toBe('          \n;\n  select 1;\n      ;\n')
    expect(script.statements).toMatchObject([{ line: 3 }])
    expect([...script.chunks()]).toEqual([{ sql: script.read(), line: 1, statements: 1 }])
  })

  test.each([
    ['more than a level', 'begin isolation level serializable, read only; select 1; commit', 2],
    ['something before it', 'select 1; begin; select 1; commit', 2],
    ['something behind it', 'begin; select 1; commit; select 2', 2],
    ['two pairs', 'begin; select 1; commit; begin; select 2; commit', 4],
    ['a rollback at the end', 'begin; select 1; rollback', 2],
    ['a chain', 'begin; select 1; commit and chain', 2],
    ['no end', 'begin; select 1', 1],
    ['no beginning', 'select 1; commit', 1],
  ])('is not what it is with %s', (_, sql, count) => {
    expect(findings(sql)).toHaveLength(count)
  })

  test('does not count for what cannot run in a transaction', () => {
    expect(findings('begin; vacuum; commit')).toEqual(['1:8 alone'])
  })
})

describe('an isolation level', () => {
  test.each([
    ['set transaction isolation level repeatable read; select 1', 'repeatable read'],
    ['-- x\nset lock_timeout = 1; set transaction isolation level serializable, deferrable; select 1', 'serializable'],
    [`set transaction_isolation = 'serializable'; select 1`, 'serializable'],
    [`set local transaction_isolation to 'repeatable read'; select 1`, 'repeatable read'],
    ['begin isolation level serializable; select 1; commit', 'serializable'],
    ['begin; set transaction isolation level repeatable read; select 1; commit', 'repeatable read'],
    ['set transaction isolation level read committed; select 1', undefined],
    ['set session characteristics as transaction isolation level serializable; select 1', undefined],
  ])('%s: the transaction is begun with it', (sql, level) => {
    expect(findings(sql)).toEqual([])
    expect(layout(sql)).toMatchObject({ isolation: level, transaction: true, joinable: false })
  })

  test.each([
    'select 1; set transaction isolation level serializable',
    `select 1; set transaction_isolation = 'serializable'`,
    '-- upfront:no-transaction\nset transaction isolation level serializable; select 1',
  ])('%s: too late', (sql) => {
    expect(problems(sql)).toMatchObject([{ what: expect.stringContaining('comes too late') }])
  })
})

test('what to do is said', () => {
  expect(problems('select 1; commit; select 2')[0]).toMatchObject({
    what: expect.stringContaining('COMMIT would end or replace the transaction'),
    next: expect.stringContaining('docs/checks.md#transaction-control'),
  })
})
