import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeText } from '../../../src/folder/text.ts'
import { type KnownFingerprints, keyOf, makeFingerprint } from '../../../src/sql/lex/fingerprint.ts'
import { openWindow, textBetween, wholeWindow } from '../../../src/sql/lex/window.ts'
import { loadParser, parse } from '../../../src/sql/parser.ts'
import { StatementTooLarge, split } from '../../../src/sql/split.ts'

beforeAll(loadParser)

/** What the splitter tells of a text, as text; `step` bytes are read at a time. */
function parts(text: string, step = Infinity): string[] {
  const bytes = Buffer.from(text)
  let at = 0
  const read = () => (at >= bytes.length ? null : bytes.subarray(at, (at += step)))
  const window = step === Infinity ? wholeWindow(bytes) : openWindow(read)
  const found: string[] = []
  const between = (start: number, end: number) => textBetween(window, start, end)
  split(window, {
    statement: ({ start, end, copies }) => void found.push(`${copies ? 'COPY ' : ''}${between(start, end)}`),
    copyData: (start, end, next) => void found.push(`DATA ${bytes.toString('utf8', start, end)}|${next}`),
    besideCopy: () => void found.push('BESIDE'),
    metaCommand: (start, end, isBetween) =>
      void found.push(`${isBetween ? 'COMMAND' : 'INSIDE'} ${between(start, end)}`),
    longName: (start, end) => void found.push(`LONG ${between(start, end)}`),
  })
  return found
}

const folder = join(import.meta.dirname, '../../fixtures/sql')
const fixtures = globSync('*.sql', { cwd: folder }).map((name) => {
  const decoded = decodeText(readFileSync(join(folder, name)))
  return [name, 'text' in decoded ? decoded.text : ''] as const
})

describe.each(fixtures)('%s', (_, text) => {
  test('has the statements that the parser sees, from their first to their last character', () => {
    const parsed = parse(text)
    if (parsed === 'unknown' || !('statements' in parsed)) throw new Error(JSON.stringify(parsed))
    const trimmed = (sql: string) => sql.replace(/(\s|--.*|\/\*[^]*?\*\/)*$/, '')
    expect(parts(text).map(trimmed)).toEqual(parsed.statements.map(({ start, end }) => trimmed(text.slice(start, end))))
  })

  test.each([1, 2, 3, 5, 17, 64])('is split alike when %i bytes are read at a time', (step) => {
    expect(parts(text, step)).toEqual(parts(text))
  })
})

const copy = `create table t (a text);\ncopy t from stdin; -- data\n1;\n\\\\.\n\\.x\n\\N é\n\\.\nselect 1;\ncopy t (a) from stdin;\n\\.\n`

test.each([Infinity, 1, 2, 3, 7])('data of COPY are no SQL, %d bytes at a time', (step) => {
  expect(parts(copy, step)).toEqual([
    'create table t (a text)',
    'COPY copy t from stdin',
    expect.stringMatching(/^DATA 1;\n\\\\\.\n\\\.x\n\\N é\n\|/),
    'select 1',
    'COPY copy t (a) from stdin',
    expect.stringMatching(/^DATA \|/),
  ])
})

test.each([
  ['select 1 \\g\nselect 2', ['INSIDE \\g', 'select 1 ', 'select 2']],
  ['\\restrict x\nselect 1;\n\\unrestrict x', ['COMMAND \\restrict x', 'select 1', 'COMMAND \\unrestrict x']],
  ['select 1; \\echo a; b\nselect 2', ['select 1', 'COMMAND \\echo a; b', 'select 2']],
  ['copy t from stdin; select 1;\n1\n\\.\n', ['COPY copy t from stdin', 'BESIDE', 'DATA 1\n|34']],
  [`select ${'n'.repeat(64)}`, [`LONG ${'n'.repeat(64)}`, `select ${'n'.repeat(64)}`]],
  [`select U&"${'\\0061'.repeat(20)}"`, [`select U&"${'\\0061'.repeat(20)}"`]],
  ['select 1)); select 2', ['select 1))', 'select 2']],
  ['select (1; select 2', ['select (1; select 2']],
  ['select $1, $2; select a$1;', ['select $1, $2', 'select a$1']],
  ['begin; end; select 1', ['begin', 'end', 'select 1']],
  ['create table begin (a int); select 1', ['create table begin (a int)', 'select 1']],
  [`select 'open; select 2`, [`select 'open; select 2`]],
  ['select $$open; select 2', ['select $$open; select 2']],
  ['/* open; select 2', []],
  ['select "open; select 2', ['select "open; select 2']],
])('%j', (text, expected) => {
  expect(parts(text)).toEqual(expected)
  expect(parts(text, 1)).toEqual(expected)
})

test('a statement over 64 MiB is refused before it is in memory whole', () => {
  let left = 70
  const chunk = Buffer.alloc(1 << 20, 'x')
  const read = () => (left-- > 0 ? (left === 69 ? Buffer.from(`select 1; select '`) : chunk) : null)
  const window = openWindow(read)
  const seen: number[] = []
  expect(() => split(window, { statement: ({ start }) => void seen.push(start) })).toThrow(StatementTooLarge)
  expect(seen).toEqual([0])
})

describe('the shape of statements', () => {
  function shapes(text: string, known: KnownFingerprints = { statements: new Set(), rows: new Set() }) {
    const shape = makeFingerprint(known)
    const found: { key: number; newRows: number }[] = []
    const statement = () => {
      found.push({ key: keyOf(shape), newRows: shape.newRowKeys.size })
      shape.newRowKeys.forEach((key) => known.rows.add(key))
    }
    split(wholeWindow(Buffer.from(text)), { statement }, shape)
    return found
  }
  const same = (a: string, b: string) => {
    const [one, other] = shapes(`${a};${b}`)
    return one!.key === other!.key && other!.newRows === 0
  }

  test.each([
    [`insert into t values (1, 'a')`, `insert into t values (2, 'it''s')`],
    [`insert into t values (1, 'a')`, `INSERT  into t /* x */ values (NULL, $$b$$)`],
    [`insert into t values (1, 'a')`, `insert into t values (-1.5, E'\\'')`],
    [`insert into t values (1, true)`, `insert into t values (1, default), ('x', 'y')`],
    [`insert into t values (1), (2)`, `insert into t values (3)`],
    [`select 1 where a = 'x'`, `select 2 where a = 'y'`],
    [`update t set a = 1`, `update t set a = 22`],
  ])('%s is like %s', (a, b) => {
    expect(same(a, b)).toBe(true)
  })

  test.each([
    [`insert into t values (1, 'a')`, `insert into t values (1)`],
    [`insert into t values (1, 'a')`, `insert into u values (1, 'a')`],
    [`insert into t values (1, 'a')`, `insert into t values (1, a)`],
    [`insert into t values (1, 'a')`, `insert into t values (1, 'a' 'b')`],
    [`insert into t values (1, 'a')`, `insert into t values (1, 'a'::text)`],
    [`insert into t values (1, 'a')`, `insert into t values (1, - 'a')`],
    [`insert into t values (1, 'a')`, `insert into t values (1, 'a') returning a`],
    [`insert into t values (1)`, `insert into t values (1) (2)`],
    [`insert into t values (1)`, `insert into t values (1a)`],
    [`select interval '1'`, `select interval 1`],
    [`select 'a'`, `select null`],
    [`select 1`, `select 1.5`],
    [`select a`, `select "a b"`],
    [`select U&'a'`, `select 'a'`],
    [`select B'1'`, `select '1'`],
    [`select f((1), 2)`, `select f(1, 2)`],
  ])('%s is not like %s', (a, b) => {
    expect(same(a, b)).toBe(false)
  })
})
