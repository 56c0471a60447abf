import { expect, test } from 'vitest'
import { Failure } from '../../../src/errors.ts'
import {
  addFailure,
  emptySummary,
  groupsAsData,
  nameSome,
  reasonOf,
  tellGroups,
  without,
} from '../../../src/fleet/summary.ts'

function groupsOf(tenants: readonly string[], messageOf: (name: string) => string): number[] {
  const summary = emptySummary()
  for (const name of tenants) addFailure(summary, name, new Failure('FAILED', messageOf(name)), [name])
  return [...summary.groups.values()].map(({ count }) => count)
}

test('the same error of many tenants is one group, though it names each of them', () => {
  expect(groupsOf(['shop_1', 'shop_10', 'größe'], (name) => `relation "${name}.items" is in the way`)).toEqual([3])
})

test('different errors are different groups', () => {
  const messageOf = (name: string) => (name === 'b' ? 'duplicate key' : 'division by zero')
  expect(groupsOf(['a', 'b', 'c'], messageOf)).toEqual([2, 1])
})

test.for([[['1', '2', '0']], [['a', 'b', 'r']], [['$&', '.', '(']]])(
  'tenants with short names %s are grouped as any other',
  ([tenants]) => {
    expect(groupsOf(tenants!, () => '0002_unique failed and was rolled back')).toEqual([3])
  },
)

test('a name is taken out where it stands alone, the longest first', () => {
  expect(without('shop_1 at db:5432/shop_1, not shop_10', ['shop_1', 'db:5432/shop_1'])).toBe('… at …, not shop_10')
})

test('only the first few are named, and the rest is counted', () => {
  expect(nameSome(['a', 'b'])).toBe('a, b')
  expect(nameSome(['a', 'b', 'c', 'd', 'e'], 42)).toBe('a, b, c, d, e and 37 more')
})

test('servers that are down are one group, whatever their names stand for', () => {
  const reason = (i: number) => `database d on db${i} was not ready: connect ECONNREFUSED 10.0.0.${i}:5432`
  const summary = emptySummary()
  for (let i = 0; i < 9; i += 1) addFailure(summary, `t${i}`, new Failure('NOT_READY', reason(i)), [`t${i}`, `db${i}`])
  expect(summary.groups.size).toBe(1)
})

test('problems of files are what went wrong: told with their place, and another problem is another group', () => {
  const summary = emptySummary()
  const invalid = (what: string) =>
    new Failure('INVALID', 'a problem in migrations', {
      problems: [{ what, place: { file: '1_a.sql', line: 3, column: 1, text: '' }, next: 'Mend it.' }],
    })
  for (const name of ['t1', 't2']) addFailure(summary, name, invalid('syntax error'), [name])
  addFailure(summary, 't3', invalid('a name too long'), ['t3'])
  expect(reasonOf(invalid('syntax error'))).toBe('a problem in migrations: 1_a.sql:3: syntax error')
  const [first, second] = tellGroups(summary)
  expect(first).toEqual({
    what: '2 × INVALID a problem in migrations (t1, t2)\n- 1_a.sql:3: syntax error',
    next: 'Mend it.',
  })
  expect(second!.what).toContain('a name too long')
  expect(JSON.stringify(groupsAsData(summary))).toContain('1_a.sql:3: syntax error')
})

test('who is in the way does not make another error of it', () => {
  const summary = emptySummary()
  for (const pid of [1, 2, 3])
    addFailure(summary, `t${pid}`, new Failure('BUSY', 'locked', { list: [`blocked by pid ${pid}`] }), [])
  expect([...summary.groups.values()].map(({ count }) => count)).toEqual([3])
  expect(tellGroups(summary)[0]!.what).toContain('blocked by pid 1')
})

test('thousands of errors of which no two are alike are counted by their code, and fit a page', () => {
  const summary = emptySummary()
  for (let at = 0; at < 10_000; at += 1)
    addFailure(summary, `t${at}`, new Failure('FAILED', `the key ${at * 7} is there`), [`t${at}`])
  expect(summary.groups.size).toBeLessThan(110)
  const told = tellGroups(summary)
  expect(told.length).toBeLessThanOrEqual(21)
  expect(told[0]!.what).toMatch(/^9900 × FAILED, each in other words, such as/)
  expect(told.at(-1)!.what).toContain('fleet status --json')
  const counts = told.map(({ what }) => Number(/^\d+/.exec(what)![0]))
  expect(counts.reduce((a, b) => a + b)).toBe(10_000)
})
