import { expect, test } from 'vitest'
import { namePlace, showPlace } from '../../../src/report/place.ts'
import { makeRedact } from '../../../src/report/redact.ts'

const redact = makeRedact(['hunter22'])

function show(text: string, column: number, line = 7): string[] {
  return showPlace({ file: 'a.sql', line, column, text }, redact)
}

test('the caret stands under the column', () => {
  expect(show('select 1 fromm x', 10)).toEqual(['7 | select 1 fromm x', '  |          ^'])
  expect(show('x', 1, 1234)).toEqual(['1234 | x', '     | ^'])
})

test('a tab becomes spaces up to the next stop in the line and before the caret alike', () => {
  expect(show('\ta\tbad', 4)).toEqual(['7 |     a   bad', '  |         ^'])
})

test('an emoji is one character', () => {
  expect(show("select '🎉' bad", 12)).toEqual(["7 | select '🎉' bad", '  |            ^'])
})

test('invisible characters are spelled out and move the caret', () => {
  expect(show('a\u200bb bad', 5)).toEqual(['7 | a\\u200bb bad', '  |          ^'])
  expect(show('a\u00a0b', 3)).toEqual(['7 | a\\xa0b', '  |      ^'])
})

test('a column after the end of the line is the end', () => {
  expect(show('abc', 99)).toEqual(['7 | abc', '  |    ^'])
  expect(show('abc\r', 4)).toEqual(['7 | abc', '  |    ^'])
  expect(show('abc', 0)).toEqual(['7 | abc', '  | ^'])
})

test.for([1, 61, 500, 3000, 9990, 9994])('a long line is cut around column %i', (column) => {
  const text = `${'🎉'.repeat(column - 1)}X${'é'.repeat(9994 - column)}`
  const [line = '', caret = ''] = show(text, column)
  expect([...line].length).toBeLessThanOrEqual(4 + 126)
  expect([...line][caret.indexOf('^')]).toBe('X')
  expect(line.startsWith('7 | ...')).toBe(column > 61)
})

test('a very long line takes no time', () => {
  const started = performance.now()
  show('x'.repeat(10_000_000), 5_000_000)
  expect(performance.now() - started).toBeLessThan(1000)
})

test('a secret before the column moves the caret, one across it leaves none', () => {
  expect(show("role 'hunter22' bad", 17)).toEqual(["7 | role '***' bad", '  |            ^'])
  expect(show("role 'hunter22' bad", 9)).toEqual(["7 | role '***' bad"])
  const long = `${'x'.repeat(3000)}hunter22`
  expect(show(long, 3003)).toEqual([])
})

test('the name of a place is what editors recognise', () => {
  expect(namePlace({ file: 'a\nb.sql', line: 3, column: 14, text: '' }, redact)).toBe('a\\nb.sql:3:14')
})

test('a line whose text is not known, or is not to be shown, is no empty line', () => {
  expect(show('', 1)).toEqual([])
})
