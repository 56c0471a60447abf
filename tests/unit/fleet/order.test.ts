import { describe, expect, test } from 'vitest'
import type { Listed } from '../../../src/fleet/fleet.ts'
import { canariesOf, choose, mayFail, shardOf } from '../../../src/fleet/order.ts'

function listed(name: string, group: string | null = null): Listed {
  const open = () => {
    throw new Error('nobody is to be connected to')
  }
  return { name, group, place: name, open }
}

const names = (found: readonly Listed[]) => found.map(({ name }) => name)

describe('the shard of a tenant', () => {
  // A release that moved tenants to other shards would run one twice while two releases overlap.
  test('is the same in every release', () => {
    expect(['shop_1', 'Größe "x"', 'é'.repeat(31)].map((name) => shardOf(name, 8))).toEqual([1, 1, 2])
  })

  test('is one of those that there are, and each gets its part', () => {
    const counts = [0, 0, 0, 0]
    for (let at = 0; at < 10_000; at += 1) counts[shardOf(`shop_${at}`, 4)]! += 1
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(10_000)
    for (const count of counts) expect(Math.abs(count - 2_500)).toBeLessThan(250)
  })
})

describe('a choice', () => {
  test('is by name or by group, and says which word named nobody', () => {
    const { has, unknown } = choose('a, early ,lost')
    expect([listed('a'), listed('b', 'early'), listed('c', 'late')].map(has)).toEqual([true, true, false])
    expect([...unknown]).toEqual(['lost'])
  })
})

describe('canaries', () => {
  const left = [listed('a'), listed('b', 'early'), listed('c', 'early')]

  test.for<[string | undefined, string[]]>([
    [undefined, []],
    ['0', []],
    ['2', ['a', 'b']],
    ['9', ['a', 'b', 'c']],
    ['early', ['b', 'c']],
    ['a,c', ['a', 'c']],
  ])('of %s are %s', ([list, found]) => {
    expect(names(canariesOf(left, list))).toEqual(found)
  })
})

test.for<[string | undefined, number | undefined]>([
  [undefined, Infinity],
  ['0', 0],
  ['10', 10],
  ['5%', 12],
  ['0%', 0],
  ['100%', 250],
  ['-1', undefined],
  ['1.5', undefined],
  ['%', undefined],
  ['', undefined],
  ['ten', undefined],
])('--max-failed %s of 250 tenants lets %s fail', ([text, most]) => {
  expect(mayFail(text, 250)).toBe(most)
})
