import { expect, test } from 'vitest'
import { isOlder, matchUpTo } from '../../../../src/history/adopt/match-up-to.ts'
import { file, rows, show } from './matching.ts'

test.each([
  ['1', '2', true],
  ['2', '10', true],
  ['1.9', '1.10', true],
  ['1', '1.1', true],
  ['1', '1.0', false],
  ['2', '1.9', false],
  ['9007199254740992', '9007199254740993', true],
  ['a view', '1', false],
  ['1', 'a view', false],
])('%s is older than %s: %s', (version, other, is) => {
  expect(isOlder(version, other)).toBe(is)
})

test('a row that covers does so backwards, and what has a row of its own keeps to that', () => {
  const files = ['1', '2', '3', '4', '5'].map((key) => file(key, 'as it is'))
  const own = [
    { key: '1', hash: 'other' },
    { key: '2', state: 'failed' as const },
  ]
  expect(show(matchUpTo(files, rows(...own, { key: '4', covers: true }), isOlder))).toEqual({
    adopted: ['3', '4'],
    edited: ['1'],
    failed: ['2'],
  })
  expect(show(matchUpTo(files, rows('4'), isOlder))).toEqual({ adopted: ['4'] })
})
