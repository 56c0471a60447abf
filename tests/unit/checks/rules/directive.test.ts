import { expect, test } from 'vitest'
import { findings, layout, problems } from './findings.ts'

test.each([
  ['one that does not exist', '-- upfront:no-transactions\nselect 1', '1:1 directive'],
  ['one that is nothing like ours', '\n-- upfront:fast\nselect 1', '2:1 directive'],
  ['a full stop behind it', '-- upfront:contract.\nselect 1', '1:1 directive'],
  ['an equals sign', '-- upfront:lock-timeout=5s\nselect 1', '1:1 directive'],
  ['something behind it', '-- upfront:no-transaction please\nselect 1', '1:1 directive'],
  ['a place behind the first statement', 'select 1;\n  -- upfront:no-transaction\nselect 2', '2:3 directive'],
])('a directive with %s is refused', (_, sql, found) => {
  expect(findings(sql)).toEqual([found])
})

test('a misspelt one is told the name that was meant', () => {
  expect(problems('-- upfront:no-transacton\nselect 1')[0]?.next).toContain('Did you mean "-- upfront:no-transaction"?')
})

test.each([
  `-- about it\n/* more */\n--upfront:no-transaction\nselect 1; select 2`,
  `select '-- upfront:fast'`,
  `do $$\nbegin\n-- upfront:fast\nend $$`,
  '/* -- upfront:fast */ select 1',
  'select 1; -- upfront:later we will see',
])('%j is fine', (sql) => {
  expect(findings(sql)).toEqual([])
})

test.each(['-- upfront:down;', '-- upfront:Down', '-- upfront: down', '--- upfront:down', '-- upfront::down'])(
  'what follows %j would run with the rest',
  (line) => {
    expect(findings(`create table a ();\n${line}\ndrop table a`)).toEqual(['2:1 directive'])
  },
)

test.each([
  ['-- upfront:lock-timeout\nselect 1', '1:1 directive'],
  ['-- upfront:lock-timeout soon\nselect 1', '1:1 directive'],
  ['-- upfront:lock-retry 1m\n-- upfront:lock-retry 2m\nselect 1', '2:1 directive'],
  ['select 1;\n-- upfront:statement-timeout 1m\nselect 2', '2:1 directive'],
])('%j bounds nothing, and is refused', (sql, found) => {
  expect(findings(sql)).toEqual([found])
})

test('a file that bounds itself shares its message with no other', () => {
  const { limits, joinable } = layout(
    '-- upfront:lock-timeout 0\n-- upfront:statement-timeout 1m30s\n-- upfront:lock-retry 10m\ncreate table a ()',
  )
  expect(limits).toEqual({ lockTimeoutMs: 0, statementTimeoutMs: 90_000, lockRetryMs: 600_000 })
  expect(joinable).toBe(false)
})

test('the marker counts before the first statement', () => {
  expect(layout('-- x\n\n  -- upfront:no-transaction \nselect 1; select 2').transaction).toBe(false)
})

test.each([
  ['select 1;\n  -- upfront:down\nselect 2', '2:3 directive'],
  ['select 1; -- upfront:down\nselect 2', '1:11 directive'],
  ['select 1;\n-- upfront:down drop it\nselect 2', '2:1 directive'],
])('%j would run its down with the rest, and is refused', (sql, found) => {
  expect(findings(sql)).toEqual([found])
})

test('a seed has no down', () => {
  expect(findings('select 1;\n-- upfront:down\nselect 2', 'seed')).toEqual(['2:1 directive'])
  expect(findings('\n-- upfront:down\nselect 2', 'down')).toEqual([])
})

test.each([
  ['-- upfront: contract\ndrop table t', 'migration', '1:1 directive'],
  ['-- upfront:contract\ncreate or replace view v as select 1', 'repeatable', '1:1 directive'],
  ['-- upfront:contract\nselect 1', 'seed', '1:1 directive'],
  [`${'-- about it\n'.repeat(6_000)}-- upfront:contract\nselect 1`, 'migration', '6001:1 directive'],
] as const)('a mark by which nothing would wait is refused (%#)', (sql, role, found) => {
  expect(findings(sql, role)).toEqual([found])
})
