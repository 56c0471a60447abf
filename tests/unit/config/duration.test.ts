import { expect, test } from 'vitest'

import { formatDuration, parseDuration } from '../../../src/config/duration.ts'

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

test.each([
  [0, '0ms'],
  [0.4, '0ms'],
  [12.3, '12ms'],
  [999.4, '999ms'],
  [999.6, '1s'],
  [1000, '1s'],
  [1540, '1.5s'],
  [59_949, '59.9s'],
  [59_951, '1m'],
  [60_000, '1m'],
  [125_400, '2m5s'],
  [3_599_400, '59m59s'],
  [3_599_600, '1h'],
  [5_400_000, '1h30m'],
])('%d ms are shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test.each([500, 1500, 125_000, 5_400_000])('what is shown for %i ms can be read back', (ms) => {
  expect(parseDuration(formatDuration(ms))).toBe(ms)
})
