import { expect, test } from 'vitest'
import { makeRedact } from '../../../src/report/redact.ts'

test('every secret is replaced everywhere', () => {
  expect(makeRedact(['hunter22', 's3cret!'])('a hunter22 b s3cret!s3cret! chunter22d')).toBe('a *** b ****** c***d')
})

test('the longest secret wins', () => {
  expect(makeRedact(['secret', 'secret-long'])('secret-long secret')).toBe('*** ***')
})

test('a secret is found in its URL and JSON spelling', () => {
  expect(makeRedact(['p@ss"w'])('p@ss"w p%40ss%22w p@ss\\"w')).toBe('*** *** ***')
})

test('characters with a meaning in patterns are only characters', () => {
  expect(makeRedact(['a.b*c[1]$&'])('a.b*c[1]$& axbc')).toBe('*** axbc')
  expect(makeRedact(['\ud800x-lone'])('y \ud800x-lone z')).toBe('y *** z')
})

test('empty and blank secrets are no secrets', () => {
  expect(makeRedact(['', ' '])('a b')).toBe('a b')
})

test('a short word is a secret as a word, not inside of others', () => {
  const redact = makeRedact(['app'])
  expect(redact('0001_app_users applied by app:app')).toBe('0001_app_users applied by ***:***')
})

test.for([
  ['postgres://u:pw@h/db', 'postgres://u:***@h/db'],
  ['postgresql://u:p@w:x/y@h:5432/db?a=b', 'postgresql://u:***@h:5432/db?a=b'],
  ['redis://:pw@h', 'redis://:***@h'],
  ['postgres://u@h/db', 'postgres://u@h/db'],
  ['http://h:8080/x', 'http://h:8080/x'],
  ['host=h password=abc user=u', 'host=h password=*** user=u'],
  ["password = 'a b\\'c' user=u", 'password = *** user=u'],
  ['PGPASSWORD=abc', 'PGPASSWORD=***'],
  ['DB_PASSWORD=abc,def', 'DB_PASSWORD=***'],
  ['postgres://h/db?user=u&password=abc&sslmode=require', 'postgres://h/db?user=u&password=***&sslmode=require'],
  ["create role r password 'it''s' login", 'create role r password *** login'],
  ['PGPASSWORD_FILE=/run/secrets/pg', 'PGPASSWORD_FILE=/run/secrets/pg'],
  ['password authentication failed for user "app"', 'password authentication failed for user "app"'],
  ['{"a":"password=x","b":"://u:p@h"}', '{"a":"password=***","b":"://u:***@h"}'],
  ['{"a":"say \\"password=x\\""}', '{"a":"say \\"password=***\\""}'],
])('without being told, %s becomes %s', ([text = '', redacted]) => {
  const redact = makeRedact([])
  expect(redact(text)).toBe(redacted)
  expect(redact(redact(text))).toBe(redacted)
})

test('a long text takes no time', () => {
  const redact = makeRedact(['hunter22'])
  const started = performance.now()
  for (const part of ['password', '://', '://a:', "password '", '@', 'x']) redact(part.repeat(30_000 / part.length))
  expect(performance.now() - started).toBeLessThan(2000)
})

test('a fleet has thousands of secrets, each redacted as if it were the only one', () => {
  const secrets = Array.from({ length: 5_000 }, (_, i) => `pass/${i}/word`)
  const redact = makeRedact([...secrets, 'pass/7/word and more', 'short', 'ünïcödé€ 🙂 secret'])
  expect(redact('at pass/7/word and more, pass/4999/word!')).toBe('at ***, ***!')
  expect(redact(encodeURIComponent('pass/123/word'))).toBe('***')
  expect(redact('a ünïcödé€ 🙂 secret, shorter than short')).toBe('a ***, shorter than ***')
  expect(redact('pass/5001/word')).toBe('pass/5001/word')
  expect(redact('nothing '.repeat(1_000))).toBe('nothing '.repeat(1_000))
})

test('one list of secrets that grows is seen by all who redact by it', () => {
  const secrets = ['first-secret']
  const [one, two] = [makeRedact(secrets), makeRedact(secrets)]
  secrets.push('second-secret')
  expect(one('first-secret second-secret')).toBe('*** ***')
  expect(two('second-secret')).toBe('***')
})
