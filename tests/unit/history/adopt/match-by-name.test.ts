import { expect, test } from 'vitest'
import { matchByName } from '../../../../src/history/adopt/match-by-name.ts'
import { file, rows, show } from './matching.ts'

const match = (files: readonly string[], ...keys: readonly string[]) =>
  show(
    matchByName(
      files.map((name) => file(name)),
      rows(...keys),
    ),
  )

test('a row belongs to the file of its name, with and without an extension on either side', () => {
  expect(match(['1_a.js'], '1_a.js')).toEqual({ adopted: ['1_a.js'] })
  expect(match(['1_a.js'], '1_a.ts')).toEqual({ adopted: ['1_a.js'] })
  expect(match(['1_a.sql'], '1_a')).toEqual({ adopted: ['1_a.sql'] })
  expect(match(['1_a'], '1_a.cjs')).toEqual({ adopted: ['1_a'] })
})

test('what follows a dot is no extension when it is of no file', () => {
  expect(match(['v1.2', 'v1.3'], 'v1.2')).toEqual({ adopted: ['v1.2'] })
  expect(match(['v1.2'], 'v1')).toEqual({ unknown: ['v1'] })
  expect(match(['add.users'], 'add')).toEqual({ unknown: ['add'] })
  expect(match(['1_a.up.sql'], '1_a')).toEqual({ unknown: ['1_a'] })
})

test('a number belongs to the file that begins with it, whatever zeros are in front', () => {
  expect(match(['0001_a.sql', '2_b'], '1', '002')).toEqual({ adopted: ['0001_a.sql', '2_b'] })
  expect(match(['20260102030405_a'], '20260102030405')).toEqual({ adopted: ['20260102030405_a'] })
  expect(match(['12345678901234567891_a', '12345678901234567892_b'], '12345678901234567891')).toEqual({
    adopted: ['12345678901234567891_a'],
  })
})

test('a name whose number alone is that of a file is another migration', () => {
  expect(match(['1_a.sql'], '1_b.sql')).toEqual({ unknown: ['1_b.sql'] })
})

test('a row that could mean two files is unknown, unless one has its very name', () => {
  expect(match(['1_a', '01_b'], '1')).toEqual({ unknown: ['1'] })
  expect(match(['1_a.js', '1_a.sql'], '1_a')).toEqual({ unknown: ['1_a'] })
  expect(match(['1_a.js', '1_a.sql'], '1_a.ts')).toEqual({ unknown: ['1_a.ts'] })
  expect(match(['1_a.js', '1_a.sql'], '1_a.sql')).toEqual({ adopted: ['1_a.sql'] })
})

test('the files come in their own order, and a file of two rows once', () => {
  expect(match(['1_a.js', '2_b.js'], '2_b.ts', '1_a.ts', '1_a.js')).toEqual({ adopted: ['1_a.js', '2_b.js'] })
})
