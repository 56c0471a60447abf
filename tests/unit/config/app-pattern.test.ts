import { expect, test } from 'vitest'
import { type AppPattern, parseAppPatterns, versionIn } from '../../../src/config/app-pattern.ts'

const patterns = (text: string) => parseAppPatterns(text) as readonly AppPattern[]

test.each([
  ['shop/{version}', 'shop/1.4.2', '1.4.2'],
  ['shop/{version} (web)', 'shop/1.4.2 (web)', '1.4.2'],
  ['shop-web/{version}, shop-worker/{version}', 'shop-worker/2', '2'],
  ['shop/{version},shop/worker/{version}', 'shop/worker/2', '2'],
  ['shop/{version}', 'shop/', ''],
  ['shop/{version}', 'shop/1.4.2 worker', '1.4.2 worker'],
  ['a.*({version})', 'a.*(1)', '1'],
])('%s finds in %s the version "%s"', (pattern, name, version) => {
  expect(versionIn(name, patterns(pattern))).toBe(version)
})

test.each([
  ['shop/{version}', 'psql'],
  ['shop/{version}', 'myshop/1'],
  ['shop/{version} (web)', 'shop/1.4.2'],
  ['ab{version}ba', 'aba'],
  ['shop/{version}', ''],
])('%s finds none in %s', (pattern, name) => expect(versionIn(name, patterns(pattern))).toBeUndefined())

test('a name of 63 bytes was cut off, wherever its version ends', () => {
  const cut = `shop/1.4.2${'x'.repeat(53)}`
  expect(versionIn(cut, patterns('shop/{version} (web)'))).toBeNull()
  expect(versionIn(cut.slice(1), patterns('shop/{version}'))).toBeUndefined()
})

test.each([
  ['shop', 'nowhere'],
  ['shop/{version},other', 'nowhere in "other"'],
  ['shop/{version}/{version}', 'more than once'],
  ['{version}', 'begins with the version'],
  ['{version}-shop', 'begins with the version'],
  ['größe/{version}', 'not ASCII'],
  [`${'x'.repeat(63)}{version}`, '63 bytes'],
  ['shop/{version},', 'nowhere in ""'],
])('%s is refused: %s', (text, why) => expect(parseAppPatterns(text)).toContain(why))
