import { expect, test } from 'vitest'
import { formatDuration } from '../../../src/report/duration.ts'

test.for<[number, string]>([
  [0, '0 ms'],
  [0.4, '0 ms'],
  [12.4, '12 ms'],
  [99.4, '99 ms'],
  [99.6, '0.1 s'],
  [200, '0.2 s'],
  [1249, '1.2 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min 0 s'],
  [125_000, '2 min 5 s'],
  [3_599_400, '59 min 59 s'],
  [3_599_900, '1 h 0 min'],
  [4_500_000, '1 h 15 min'],
])('%f milliseconds are %s', ([ms, text]) => {
  expect(formatDuration(ms)).toBe(text)
})
