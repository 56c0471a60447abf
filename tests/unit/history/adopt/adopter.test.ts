import { expect, test } from 'vitest'
import { matchByKey } from '../../../../src/history/adopt/adopter.ts'
import { adopterOf, adopters } from '../../../../src/history/adopt/adopters.ts'
import { formats } from '../../../../src/migration.ts'
import { file, rows, show } from './matching.ts'

test('there is an adopter for every format but our own, and one each', () => {
  expect(adopters.map(({ format }) => format)).toEqual(formats.filter((format) => format !== 'plain'))
  for (const format of formats) expect(adopterOf(format)?.format).toBe(format === 'plain' ? undefined : format)
})

test('of several rows of one key the newest counts, in the order of the files', () => {
  const history = rows({ key: 'b', state: 'failed' }, { key: 'b', hash: '2' }, 'a')
  expect(show(matchByKey([file('a'), file('b', '1', '2')], history))).toEqual({ adopted: ['a', 'b'] })
})

test('a hash decides only when the row and the file both have one', () => {
  const history = rows('a', { key: 'b', hash: '1' }, { key: 'c', hash: '1' }, { key: 'd', hash: '1', state: 'failed' })
  const files = [file('a', '1'), file('b'), file('c', '2'), file('d', '2')]
  expect(show(matchByKey(files, history))).toEqual({ adopted: ['a', 'b'], edited: ['c'], failed: ['d'] })
})
