import { expect, test } from 'vitest'
import { renderTable } from '../../../src/report/table.ts'

test('columns are as wide as their widest cell', () => {
  const rows = [
    ['0001_extensions', 'applied', '12 ms'],
    ['0002_🎉', 'pending', ''],
  ]
  expect(renderTable(rows, ['migration', 'state', 'time'])).toBe(
    ['migration        state    time', '0001_extensions  applied  12 ms', '0002_🎉           pending'].join('\n'),
  )
})

test('without rows there is only the header', () => {
  expect(renderTable([], ['a', 'b'])).toBe('a  b')
})

test('rows may be shorter or longer than the header', () => {
  expect(renderTable([['1'], ['1', '2', '3']], ['aa', 'bb'])).toBe('aa  bb\n1\n1   2   3')
})

test('a cell cannot break out of its line', () => {
  expect(renderTable([['a\nb\x1b']], ['n'])).toBe('n\na\\nb\\x1b')
})
