import { expect, test } from 'vitest'
import { compareNames, compareNatural, parseName } from '../../../src/folder/names.ts'

test.each([
  ['1_a', 1n],
  ['001_users', 1n],
  ['20251025143000_add_metadata', 20251025143000n],
  ['1_', null],
  ['_a', null],
  ['a', null],
  ['1', null],
  ['1-a', null],
  ['V1__a', null],
  ['', null],
  ['1_é 🎉', 1n],
  ['1_a\nb', 1n],
  ['123456789012345678901234567890_a', 123456789012345678901234567890n],
  ['١_a', null],
])('the name %j has the number %s', (name, version) => {
  expect(parseName(name)).toEqual(version === null ? null : { name, version })
})

const sort = (names: string[]) =>
  names
    .map((name) => parseName(name)!)
    .sort(compareNames)
    .map(({ name }) => name)

test('numbers as numbers, then the whole name by code point', () => {
  const sorted = ['1_a', '1_b', '01_c', '001_a', '9_x', '10_x', '20251025_add_metadata', '20251025_fix_policies']
  const expected = ['001_a', '01_c', '1_a', '1_b', '9_x', '10_x', '20251025_add_metadata', '20251025_fix_policies']
  expect(sort(sorted.toReversed())).toEqual(expected)
  expect(sort(['1_z', '1_Z', '1_é', '1_\u{1f389}', '1_\uffee'])).toEqual([
    '1_Z',
    '1_z',
    '1_é',
    '1_\uffee',
    '1_\u{1f389}',
  ])
})

test('natural order: digits as numbers wherever they stand', () => {
  const sorted = ['1_a.sql', '2_b.sql', '2_c9.sql', '2_c10.sql', '10_c.sql', 'a1', 'a2', 'a10', 'b']
  expect(sorted.toReversed().sort(compareNatural)).toEqual(sorted)
})

test('equal numbers spelled differently have an order all the same, so that it is the same everywhere', () => {
  expect(compareNatural('a1', 'a01')).not.toBe(0)
  expect(Math.sign(compareNatural('a1', 'a01'))).toBe(-Math.sign(compareNatural('a01', 'a1')))
  expect(compareNatural('a1', 'a1')).toBe(0)
})
