import { expect, test } from 'vitest'
import { formatBytes, formatRows, parseBytes } from '../../../../src/run/rehearse/format-bytes.ts'

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [8192, '8 kB'],
  [1.5 * 1024 ** 2, '1.5 MB'],
  [540 * 1024 ** 3, '540 GB'],
  [2 * 1024 ** 6, '2048 PB'],
])('%d is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

test.each([
  ['256MB', 256 * 1024 ** 2],
  ['1 gb', 1024 ** 3],
  ['0bytes', 0],
  ['1.5kB', 1536],
])('%s is a size', (text, bytes) => expect(parseBytes(text)).toBe(bytes))

test.each(['', '1', '1GiB', '-1MB', 'MB', '1 MB or so'])('"%s" is none', (text) =>
  expect(parseBytes(text)).toMatch(/^is not a size/),
)

test.each([
  [null, 'not counted yet'],
  [0, '0'],
  [9999, '9999'],
  [399_999, '400 thousand'],
  [1_240_000, '1.2 million'],
  [3e9, '3 billion'],
])('%d rows are %s', (rows, text) => expect(formatRows(rows)).toBe(text))
