import { expect, test } from 'vitest'
import { textScript } from '../../../../src/sql/script.ts'
import { findings, layout, problems } from './findings.ts'

test.each([
  ['select 1;\n\\connect other\nselect 2', '2:1', 'one database'],
  ['\\c other', '1:1', 'one database'],
  ['\\i other.sql', '1:1', 'what it includes'],
  ['\\ir other.sql', '1:1', 'what it includes'],
  [`\\copy t from 'x.csv'`, '1:1', 'write the SQL'],
  ['\\set x 1', '1:1', 'no psql variables'],
  ['\\echo hello', '1:1', 'remove it'],
  ['select 1 \\gexec\nselect 2', '1:10', 'DO block'],
  ['select 1 \\g\nselect 2;', '1:10', 'write the SQL'],
  ['\\if true\nselect 1;\n\\endif', '1:1', 'IF'],
  ['\\restricted x', '1:1', 'write the SQL'],
  ['\\.', '1:1', 'COPY'],
])('%j is refused with a reason', (sql, place, reason) => {
  const found = problems(sql)
  expect(found.every(({ rule }) => rule === 'meta-command')).toBe(true)
  expect(findings(sql)[0]).toBe(`${place} meta-command`)
  expect(found[0]!.next!.toLowerCase()).toContain(reason.toLowerCase())
})

test.each([
  `select E'\\\\connect'`,
  `select '\\connect other'`,
  'select $$\n\\connect other\n$$',
  '-- \\connect other',
  '/*\n\\connect other\n*/',
  'select "\\connect"',
])('%j has none', (sql) => {
  expect(findings(sql)).toEqual([])
})

test('what pg_dump writes since 2025 is not sent', () => {
  const text = '\\restrict abc123\n\nselect 1;\n\n\\unrestrict abc123\n\n'
  expect(findings(text)).toEqual([])
  const script = textScript(() => text, layout(text))
  expect(script.read()).toBe(`${' '.repeat(16)}\n\nselect 1;\n\n${' '.repeat(18)}\n\n`)
  expect(script.statements).toMatchObject([{ line: 3, kind: 'SelectStmt' }])
})
