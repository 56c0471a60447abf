import { expect, test } from 'vitest'

import { editDistance, nearest } from '../../../src/config/nearest.ts'

test.each([
  ['', '', 0],
  ['up', 'up', 0],
  ['', 'abc', 3],
  ['status', 'staus', 1],
  ['status', 'sattus', 1],
  ['kitten', 'sitting', 3],
])('from %j to %j it is %i edits', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance)
  expect(editDistance(to, from)).toBe(distance)
})

const commands = ['up', 'status', 'plan', 'down', 'wait', 'seed', 'verify', 'baseline', 'repair', 'reset']

test.each([
  ['stauts', 'status'],
  ['STATUS', 'status'],
  ['verfiy', 'verify'],
  ['bassline', 'baseline'],
  ['resset', 'reset'],
  ['dwn', 'down'],
  ['seeds', 'seed'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, commands)).toBe(meant)
})

test.each(['frobnicate', 'xy', 'pain t', '', 'new'])('%j is near to none of them', (word) => {
  expect(nearest(word, commands)).toBeUndefined()
})

test('the nearest wins, and the first of equally near ones', () => {
  expect(nearest('abcdef', ['abcdxy', 'abcdex', 'abcxef'])).toBe('abcdex')
})

test('an exact match wins', () => {
  expect(nearest('reset', ['rest', 'reset'])).toBe('reset')
})
