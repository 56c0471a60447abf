import { expect, test } from 'vitest'
import { findings } from './findings.ts'

const off = 'set standard_conforming_strings = off;'

test.each([
  `${off} select 'a\\b';`,
  `set local standard_conforming_strings to 'false'; select 1; select 'it\\n';`,
  `reset standard_conforming_strings; select '\\';`,
  `select set_config('standard_conforming_strings', 'off', false); select '\\';`,
  `do $$ begin set standard_conforming_strings = off; end $$; select '\\';`,
])('%s is refused: where its strings end would be another question', (sql) => {
  expect(findings(sql)).toEqual(['1:1 string-escapes'])
})

test('a string that ends elsewhere under it is told with it', () => {
  expect(findings(`${off} select 'it\\'s'; select 1;`)).toContain('1:1 string-escapes')
})

test.each([
  `${off} select 'no backslash';`,
  `select 'a\\b'; ${off}`,
  `set standard_conforming_strings = on; select 'a\\b';`,
  `${off} set standard_conforming_strings = on; select 'a\\b';`,
  `select pg_catalog.set_config('standard_conforming_strings', 'on', false); select 'a\\b';`,
  `alter role r set standard_conforming_strings = off; select 'a\\b';`,
])('%s is fine', (sql) => {
  expect(findings(sql)).toEqual([])
})
