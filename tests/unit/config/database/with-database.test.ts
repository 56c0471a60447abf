import { expect, test } from 'vitest'
import { parseConnection } from '../../../../src/config/database/connection.ts'
import type { Target } from '../../../../src/config/database/target.ts'
import { findUrl, urlOfDatabase } from '../../../../src/config/database/with-database.ts'

const unused = {} as Target

test.each([
  ['postgres://app:secret@db:5432/app', 'postgres://app:secret@db:5432/other'],
  ['postgres://app@db', 'postgres://app@db/other'],
  ['postgres://app@db/', 'postgres://app@db/other'],
  [
    'postgres://app:p/w@h1:1,h2/app?sslmode=require&schema=x',
    'postgres://app:p/w@h1:1,h2/other?sslmode=require&schema=x',
  ],
  ['postgres://app@[::1]:5433/app?dbname=third&options=-c%20x=y', 'postgres://app@[::1]:5433/other?options=-c%20x=y'],
  ['postgres:///app?host=/var/run/postgresql&user=app', 'postgres:///other?host=/var/run/postgresql&user=app'],
  ['postgres://db/app?dbname=third', 'postgres://db/other'],
])('%s', (given, expected) => {
  expect(urlOfDatabase(given, unused, 'other')).toBe(expected)
})

test.each([
  'postgres://app:s%40e%2Fc@db:5433/app',
  'postgres://app@h1:1,h2:2/app?sslmode=verify-full&sslrootcert=%2Fca.pem',
  'postgres://app:x@[::1]:5433/app?options=-c%20geqo%3Doff',
  'postgres:///app?host=/var/run/postgresql&user=app',
])('what says the same as %s connects alike', (given) => {
  const target = parseConnection(given, {}) as Target
  const again = parseConnection(urlOfDatabase(undefined, target, 'Öther /db'), {}) as Target
  expect(again).toEqual({ ...target, database: 'Öther /db' })
})

test('the connection string is that of the first name that is set', () => {
  expect(findUrl({ DATABASE_URL: 'b', UPFRONT_DATABASE_URL: '' })).toBe('b')
  expect(findUrl({ DATABASE_URL: 'b', UPFRONT_DATABASE_URL: 'a' })).toBe('a')
  expect(findUrl({ PGHOST: 'db' })).toBeUndefined()
})
