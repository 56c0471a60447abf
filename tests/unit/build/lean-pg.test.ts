// What the bundled program has in place of parts of pg has to do what those do.
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { leanPg } from '../../../scripts/build/lean-pg.ts'

type Functions = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
const require = createRequire(import.meta.url)
const ours = require('../../../scripts/build/pg-crypto.cjs') as Functions
const theirs = require('pg/lib/crypto/utils.js') as Functions

const salt = Buffer.from('9b3f0c11d2e4a5b6c7d8e9f001122334', 'hex')
const key = Buffer.from('0123456789abcdef0123456789abcdef', 'utf8')

test.each<[string, readonly unknown[]]>([
  ['md5', ['pässword']],
  ['md5', [salt]],
  ['postgresMd5PasswordHash', ['ann', 'pässwörd 🎉', salt.subarray(0, 4)]],
  ['sha256', [key]],
  ['hashByName', ['SHA-256', key]],
  ['hashByName', ['SHA-384', key]],
  ['hashByName', ['SHA-512', key]],
  ['hmacSha256', [key, 'Client Key']],
  ['hmacSha256', [key, 'n=ä,r=🎉']],
  ['deriveKey', ['pässwörd 🎉', salt, 4096]],
  ['deriveKey', ['', salt, 1]],
])('%s of %j is what it is in pg', async (name, args) => {
  const bytes = (value: unknown) =>
    typeof value === 'string' ? value : Buffer.from(value as ArrayBuffer).toString('hex')
  expect(bytes(await ours[name]!(...args))).toBe(bytes(await theirs[name]!(...args)))
})

test('what SCRAM feeds from one into the next may be of either kind', async () => {
  const derived = await ours['deriveKey']!('secret', salt, 10)
  const stored = await ours['sha256']!(await ours['hmacSha256']!(derived, 'Client Key'))
  const expected = await theirs['sha256']!(
    await theirs['hmacSha256']!(await theirs['deriveKey']!('secret', salt, 10), 'Client Key'),
  )
  expect(Buffer.from(stored as Buffer)).toEqual(Buffer.from(expected as ArrayBuffer))
})

test('random bytes are as many as asked for, and others each time', () => {
  const [one, other] = [ours['randomBytes']!(18) as Buffer, ours['randomBytes']!(18) as Buffer]
  expect([one.length, other.length, one.equals(other)]).toEqual([18, 18, false])
})

test('pg still exports what is replaced, by the same names', () => {
  expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted())
  expect(leanPg).not.toThrow()
})
