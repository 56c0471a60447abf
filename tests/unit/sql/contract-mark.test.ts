import { expect, test } from 'vitest'
import { findNearMark, isMarkedContract } from '../../../src/sql/contract-mark.ts'

test.each([
  '-- upfront:contract',
  '--upfront:contract\nselect 1',
  '\uFEFF-- why\r\n-- upfront:contract\r\nselect 1',
  '/* a /* b */ */ -- upfront:contract\nselect 1',
  '-- upfront:contract \u00a0\nselect 1',
  '-- upfront:contract\f\nselect 1',
  '-- upfront:contract\rselect 1',
])('%j waits', (text) => {
  expect(isMarkedContract(text)).toBe(true)
  expect(findNearMark(text)).toBe(null)
})

test.each([
  'select 1 -- upfront:contract',
  '/* -- upfront:contract */ select 1',
  `select '\n-- upfront:contract\n'`,
  '-- this is not upfront:contract\nselect 1',
  '-- upfront:contracts\nselect 1',
])('%j does not', (text) => {
  expect(isMarkedContract(text)).toBe(false)
  expect(findNearMark(text)).toBe(null)
})

test.each([
  ['-- upfront: contract\nselect 1', 0],
  ['-- why\n-- Upfront:contract\nselect 1', 7],
  ['--\u00a0upfront:contract\nselect 1', 0],
  ['--- upfront:contract\nselect 1', 0],
  ['-- -- upfront:contract\nselect 1', 0],
  ['-- upfront::contract\nselect 1', 0],
])('%j nearly does', (text, at) => {
  expect(isMarkedContract(text)).toBe(false)
  expect(findNearMark(text)).toBe(at)
})
