import { expect, test } from 'vitest'
import { Failure } from '../../../src/errors.ts'
import { addFailure, emptySummary, nameSome, tellGroups, without } from '../../../src/fleet/summary.ts'

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

test('where every tenant has an error of its own, few are kept and fewer told, and all are counted', () => {
  const summary = emptySummary()
  for (let i = 0; i < 5_000; i += 1) addFailure(summary, `t${i}`, new Failure('FAILED', `odd value x${i}y`), [])
  expect(summary.groups.size).toBeLessThan(300)
  const told = tellGroups(summary)
  expect(told.length).toBe(21)
  expect(told[0]!.what).toMatch(/^4800 × FAILED/)
  expect(told.at(-1)!.what).toBe('and 181 more errors of 181 tenants: upfront fleet status has all of them')
})
