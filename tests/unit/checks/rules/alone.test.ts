import { describe, expect, test } from 'vitest'
import { alone, fine } from './alone-statements.ts'
import { findings, layout, problems } from './findings.ts'

describe('in a file of several statements', () => {
  test.each(alone)('%s is refused', (sql) => {
    expect(findings(`select 1;\n  ${sql};`)).toEqual(['2:3 alone'])
    expect(problems(`select 1; ${sql}`)[0]!.next).toContain('upfront:no-transaction')
  })

  test.each(fine)('%s is fine', (sql) => {
    expect(findings(`select 1; ${sql};`)).toEqual([])
  })

  test.each(alone)('%s is fine with the marker', (sql) => {
    const text = `-- a comment\n-- upfront:no-transaction\nselect 1; ${sql};`
    expect(findings(text)).toEqual([])
    expect(layout(text)).toMatchObject({ transaction: false, statements: [{ alone: false }, { alone: true }] })
  })
})

test.each(alone)('%s runs outside by itself', (sql) => {
  expect(findings(sql)).toEqual([])
  expect(layout(sql)).toMatchObject({ transaction: false, joinable: false, statements: [{ alone: true }] })
})

test.each(fine.filter((sql) => !sql.startsWith('drop subscription')))('%s runs in a transaction', (sql) => {
  expect(layout(sql)).toMatchObject({ transaction: true, statements: [{ alone: false }] })
})

test('what may or may not be refused, by the catalog, is left outside where it may be', () => {
  expect(layout('drop subscription s').transaction).toBe(false)
  const marked = layout(
    '-- upfront:no-transaction\nreindex table t; cluster t; call p(); drop subscription s; select 1',
  )
  expect(marked.statements.map(({ alone: isAlone }) => isAlone)).toEqual([true, true, true, true, false])
  const unmarked = layout('reindex table t; cluster t; call p(); drop subscription s; select 1')
  expect(unmarked.statements.every(({ alone: isAlone }) => !isAlone)).toBe(true)
})

test('a seed has no way to run outside', () => {
  expect(findings('vacuum', 'seed')).toEqual(['1:1 alone'])
  expect(findings('analyze', 'seed')).toEqual([])
})

test('a down runs as it has to', () => {
  expect(findings('select 1; drop index concurrently i', 'down')).toEqual([])
})

describe('a DO that commits', () => {
  const commits = 'do $$ begin for i in 1..3 loop update t set a = i; commit; end loop; end $$'
  test('is refused in a transaction, even as the only statement: it has a middle to stop in', () => {
    expect(findings(commits)).toEqual(['1:1 alone'])
    expect(findings(`select 1;\n${commits}`)).toEqual(['2:1 alone'])
    expect(findings('do $$ begin rollback; end $$')).toEqual(['1:1 alone'])
  })

  test('runs by itself in a marked file', () => {
    const text = `-- upfront:no-transaction\n${commits}`
    expect(findings(text)).toEqual([])
    expect(layout(text).statements).toMatchObject([{ alone: true }])
  })

  test.each([
    'do $$ begin perform 1; end $$',
    `do $$ begin raise notice 'commit;'; end $$`,
    'do $$ begin if false then commit; end if; end $$',
    'do $$ begin perform 1; exception when others then rollback; end $$',
    'create procedure p() language plpgsql as $$ begin commit; end $$',
  ])('%s may never get there', (sql) => {
    expect(findings(`select 1; ${sql}`)).toEqual([])
  })
})
