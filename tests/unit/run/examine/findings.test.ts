import { expect, test } from 'vitest'
import type { Problem } from '../../../../src/errors.ts'
import { countByRule } from '../../../../src/run/examine/findings.ts'

const at = (file: string) => ({ file, line: 1, column: 1, text: '' })

test('each rule is counted once, the most frequent first, with the first example that has a place', () => {
  const found: Problem[] = [
    { what: 'one', rule: 'syntax', place: at('a.sql') },
    { what: 'two', rule: 'long-name' },
    { what: 'three', rule: 'long-name', place: at('b.sql') },
    { what: 'four' },
  ]
  expect(countByRule('refused', found)).toEqual([
    { rule: 'long-name', level: 'refused', count: 2, example: found[2] },
    { rule: 'syntax', level: 'refused', count: 1, example: found[0] },
    { rule: null, level: 'refused', count: 1, example: found[3] },
  ])
})
