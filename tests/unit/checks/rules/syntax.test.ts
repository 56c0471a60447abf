import { expect, test } from 'vitest'
import { findings, problems } from './findings.ts'

test('every error of a file is told, each with its place', () => {
  expect(findings(`creat table t ();\nselect 'é🎉', selct;\n\tselect (2;\nselect 4;\nselect 1 1`)).toEqual([
    '1:1 syntax',
    '3:11 syntax',
    '5:10 syntax',
  ])
})

test('errors and what other rules find are told together, in the order of the file', () => {
  expect(findings('vacuum;\nselct;\n\\echo x\ncommit;\nselect 1 1')).toEqual([
    '1:1 alone',
    '2:1 syntax',
    '3:1 meta-command',
    '4:1 transaction-control',
    '5:10 syntax',
  ])
})

test.each([
  ['create table\u00a0users (id int)', 'U+00A0 (a no-break space) at 1:13'],
  ['select\u200b 1 1', 'U+200B (a zero-width space) at 1:7'],
  ['select \u2018a\u2019 x y', 'U+2018 (a typographic quote) at 1:8, U+2019 (a typographic quote) at 1:10'],
  ['select 1;\nselect \u201ca\u201d x y', 'at 2:8'],
  ['select 1 \u2013 2 3', 'U+2013 (a dash, not a minus) at 1:10'],
  [`select '🎉', a\u00a0b c d`, 'U+00A0 (a no-break space) at 1:14'],
  ['\ufeffselect 1 1', 'U+FEFF (a byte order mark) at 1:1'],
])('%j: what cannot be seen is named', (sql, name) => {
  const [found] = problems(sql)
  expect(found!.rule).toBe('syntax')
  expect(found!.what).toContain(name)
})

test.each([`select '\u00a0' 1 1`, 'select "\u00a0" 1 1', 'select 1 1 -- \u00a0', 'select 1 1; select a\u00a0b'])(
  '%j: what is meant, or elsewhere, is not in the way',
  (sql) => {
    expect(problems(sql)[0]!.what).not.toContain('U+')
  },
)

test.each(['select 1 as a\u00a0b', `select '\u2018'`, 'select 1 -- \u2014'])(
  '%j: without an error they are fine',
  (sql) => {
    expect(findings(sql)).toEqual([])
  },
)

test('what is too deep for the parser is left to the server, and the rest is still checked', () => {
  expect(findings(`select 1${' + 1'.repeat(30_000)};\nselct`)).toEqual(['2:1 syntax'])
  expect(findings(`select 1${' + 1'.repeat(30_000)}`)).toEqual([])
})
