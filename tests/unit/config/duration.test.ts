import { expect, test } from 'vitest'

import { parseDuration } from '../../../src/config/duration.ts'

test.each([
  ['0', 0],
  ['0s', 0],
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1h30m', 5_400_000],
  ['2m5s', 125_000],
  ['596h', 596 * 3_600_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', 's', '-1s', '1 s', '30sec', '5M', '1d', '5m1h', '1e3s', 'Infinity', '30s\r', '.5s', '1.5m'])(
  '%j is not a duration',
  (text) => {
    expect(parseDuration(text)).toBe('is not a duration')
  },
)

test.each(['30', '1.5', '00'])('a bare %s is refused with the seconds that were probably meant', (text) => {
  expect(parseDuration(text)).toBe(`has no unit, did you mean ${text}s?`)
})

test('a duration that timers cannot hold is refused, because it would fire at once', () => {
  expect(parseDuration('597h')).toContain('longer than 596h')
  expect(parseDuration('99999999999999999999h')).toContain('longer than 596h')
})
