import { expect, test } from 'vitest'
import { textScript } from '../../../../src/sql/script.ts'
import { findings, layout } from './findings.ts'

const chunks = (text: string) =>
  [...textScript(() => text, layout(text)).chunks()].map(({ data, ...chunk }) => ({
    ...chunk,
    ...(data ? { data: Buffer.concat([...data]).toString() } : {}),
  }))

test('data are cut out of the text, and lines go on counting behind them', () => {
  const text = `create table t (a text);\ncopy t from stdin;\n1;\n\\N é'\n\\.\nselect 1;\ncopy t (a) from stdin with (format csv);\n"x"\n\\.\n`
  expect(findings(text)).toEqual([])
  expect(chunks(text)).toEqual([
    { sql: 'create table t (a text);\ncopy t from stdin;\n', line: 1, statements: 2, data: `1;\n\\N é'\n` },
    { sql: 'select 1;\ncopy t (a) from stdin with (format csv);\n', line: 6, statements: 2, data: '"x"\n' },
  ])
})

test.each([
  ['no data', 'copy t from stdin;\n\\.\nselect 1;', ''],
  ['data to the end of the file', 'copy t from stdin;\n1\n2', '1\n2'],
  ['nothing behind the semicolon', 'copy t from stdin;', ''],
  ['a comment behind the semicolon', 'copy t from stdin; -- the data\n1\n\\.\n', '1\n'],
  ['a comment inside', 'copy t /* ; */ from -- x\n stdin;\n1\n\\.', '1\n'],
  ['a line that only begins like the end', 'copy t from stdin;\n\\.x\n\\.\n', '\\.x\n'],
  ['the end without a newline', 'copy t from stdin;\n1\n\\.', '1\n'],
])('%s', (_, text, data) => {
  expect(findings(text)).toEqual([])
  expect(chunks(text)[0]).toMatchObject({ statements: 1, data })
})

test.each([`copy t from '/file'`, `copy t to stdout`, `copy (select 1 from stdin) to stdout`, `select 1 from stdin`])(
  '%s has no data',
  (sql) => {
    expect(findings(`${sql};\nselect 1`)).toEqual([])
    expect(chunks(`${sql};\nselect 1`)).toMatchObject([{ statements: 2 }])
  },
)

test('in a down, or outside of a transaction, nothing could send them', () => {
  const text = 'copy t from stdin;\n1\n\\.\n'
  expect(findings(text, 'down')).toEqual(['1:1 copy-data'])
  expect(findings(`-- upfront:no-transaction\n${text}`)).toEqual(['2:1 copy-data'])
  expect(findings(text, 'seed')).toEqual([])
})

test('something else in the line of the semicolon is refused, because psql would run it later', () => {
  expect(findings('copy t from stdin; select 1;\n1\n\\.\n')).toEqual(['1:19 copy-data'])
})

test('errors behind data have their own lines', () => {
  expect(findings('copy t from stdin;\n1\n2\n\\.\nselct')).toEqual(['5:1 syntax'])
})
