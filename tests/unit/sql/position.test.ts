import { expect, test } from 'vitest'
import { codePoints, offsetOfCodePoint, placeAt } from '../../../src/sql/position.ts'

const text = 'one\n\ttwo 🎉 é x\n\nlast'

test.each([
  [0, 1, 1, 'one'],
  [2, 1, 3, 'one'],
  [3, 1, 4, 'one'],
  [4, 2, 1, '\ttwo 🎉 é x'],
  [text.indexOf('two'), 2, 2, '\ttwo 🎉 é x'],
  [text.indexOf('🎉'), 2, 6, '\ttwo 🎉 é x'],
  [text.indexOf('é'), 2, 8, '\ttwo 🎉 é x'],
  [text.indexOf('x'), 2, 10, '\ttwo 🎉 é x'],
  [text.indexOf('\n\n') + 1, 3, 1, ''],
  [text.indexOf('last'), 4, 1, 'last'],
  [text.length, 4, 5, 'last'],
  [text.length + 100, 4, 5, 'last'],
  [-5, 1, 1, 'one'],
])('the place of unit %i is %i:%i', (offset, line, column, shown) => {
  expect(placeAt('f.sql', text, offset)).toEqual({ file: 'f.sql', line, column, text: shown })
})

test('the place in an empty text', () => {
  expect(placeAt('f.sql', '', 0)).toEqual({ file: 'f.sql', line: 1, column: 1, text: '' })
  expect(placeAt('f.sql', '\n', 1)).toMatchObject({ line: 2, column: 1 })
  expect(placeAt('f.sql', '\n', 0)).toMatchObject({ line: 1, column: 1 })
})

test.each([
  ['', 0],
  ['abc', 3],
  ['é', 1],
  ['🎉', 1],
  ['e\u0301', 2],
  ['👨‍👩‍👧', 5],
  ['\ud83c', 1],
])('%j has %i characters to Postgres', (characters, count) => {
  expect(codePoints(characters)).toBe(count)
})

test.each([
  ['abc', 1, 1],
  ['🎉a🎉b', 0, 0],
  ['🎉a🎉b', 1, 2],
  ['🎉a🎉b', 3, 5],
  ['🎉a🎉b', 4, 6],
  ['🎉a🎉b', 99, 6],
  ['', 5, 0],
])('in %j character %i begins at unit %i', (characters, point, offset) => {
  expect(offsetOfCodePoint(characters, point)).toBe(offset)
})

test('there and back again', () => {
  for (let point = 0; point <= codePoints(text); point += 1) {
    expect(codePoints(text.slice(0, offsetOfCodePoint(text, point)))).toBe(point)
  }
})
