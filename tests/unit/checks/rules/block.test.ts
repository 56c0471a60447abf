import { describe, expect, test } from 'vitest'
import { findings, layout, problems } from './findings.ts'

const marker = '-- upfront:no-transaction\n'

describe('BEGIN ... COMMIT in a file outside a transaction', () => {
  test('is one unit, with what stands inside', () => {
    const sql = `${marker}vacuum a;\nbegin;\n  select 1;\n  select 2;\ncommit;\nselect 3`
    const { statements, transaction } = layout(sql)
    expect(transaction).toBe(false)
    expect(statements).toMatchObject([
      { kind: 'VacuumStmt', alone: true },
      { kind: 'Block', alone: false, line: 3, block: { statements: [{ line: 4 }, { line: 5 }] } },
      { kind: 'SelectStmt', line: 7 },
    ])
    const { start, end, block } = statements[1]!
    expect(sql.slice(start, end)).toBe('begin;\n  select 1;\n  select 2;\ncommit')
    expect(sql.slice(start, block!.open)).toBe('begin')
    expect(sql.slice(block!.close, end)).toBe('commit')
  })

  test('may ask for an isolation level, with BEGIN or first inside', () => {
    for (const sql of [
      'begin isolation level serializable; select 1; commit',
      'start transaction isolation level repeatable read, deferrable; select 1; end',
      'begin; set transaction isolation level serializable; select 1; commit',
      `begin; set local lock_timeout = 1; set transaction isolation level serializable; select 1; commit`,
    ]) {
      expect(findings(`${marker}${sql}; vacuum a`), sql).toEqual([])
    }
    const sql = `${marker}begin; set transaction isolation level serializable; select 1; commit`
    const { start, block } = layout(sql).statements[0]!
    expect(sql.slice(start, block!.open)).toBe('begin; set transaction isolation level serializable')
  })

  test.each([
    'begin; savepoint x; select 1; rollback to x; release x; commit',
    'begin; commit',
    'begin; call p(); commit',
  ])('%s is fine', (sql) => {
    expect(findings(`${marker}${sql}; vacuum a`)).toEqual([])
  })

  test.each([
    ['begin; select 1;\nbegin; commit', 3, 'knows no nested transactions'],
    ['begin; select 1', 2, 'BEGIN without a COMMIT behind it'],
    ['select 1;\ncommit', 3, 'COMMIT without a BEGIN before it'],
    ['select 1;\nrollback', 3, 'ROLLBACK is not supported here'],
    ['begin; select 1;\nrollback', 3, 'a block that is rolled back does nothing'],
    ['begin; select 1;\ncommit and chain; commit', 3, 'COMMIT AND CHAIN is not supported here'],
    [`begin; select 1;\nprepare transaction 'x'; commit`, 3, 'PREPARE TRANSACTION is not supported here'],
    ['begin; select 1;\nset transaction isolation level serializable; commit', 3, 'has to be the first of its block'],
    ['select 1;\nset transaction isolation level serializable', 3, 'has to be the first of its block'],
    ['begin;\nvacuum a; commit', 3, 'VACUUM cannot run inside a BEGIN ... COMMIT block'],
    ['begin;\ncreate index concurrently on a (b); commit', 3, 'CREATE INDEX CONCURRENTLY cannot run inside'],
    ['begin;\ndo $$ begin commit; end $$; commit', 3, 'a COMMIT or ROLLBACK in a DO cannot run inside'],
    ['begin read only; select 1; commit', 2, 'READ ONLY in a file outside a transaction'],
    ['begin;\nset transaction read only; select 1; commit', 3, 'READ ONLY in a file outside a transaction'],
  ])('%s is refused, with its place and what to write', (sql, line, what) => {
    const found = problems(`${marker}${sql}`)
    expect(found).toMatchObject([{ what: expect.stringContaining(what), place: { line }, rule: 'transaction-control' }])
    expect(found[0]!.next).toMatch(/docs\/checks\.md#transaction-control/)
  })
})
