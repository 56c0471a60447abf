import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMigrations } from '../../../src/bundle/manifest.ts'
import { writeMigrations } from '../../../src/bundle/write.ts'
import { checkMigrations } from '../../../src/folder/compile-migrations.ts'
import { openFolder } from '../../../src/folder/migrations.ts'
import type { Bundle } from '../../../src/migration.ts'
import { openAll } from '../../support/open-all.ts'

let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'upfront-test-'))
  fs.mkdirSync(join(dir, 'source'))
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

const source = () => join(dir, 'source')
const write = (text: string) => fs.writeFileSync(join(source(), '1_large.sql'), text)

async function findings(): Promise<string[]> {
  const { problems } = await checkMigrations({ dir: source(), shown: source(), format: 'auto' })
  return problems.map(({ place, rule }) => `${place?.line}:${place?.column} ${rule}`)
}

async function scriptOf(bundle: Bundle) {
  const [first] = await openAll(bundle)
  if (first!.script.kind !== 'sql') throw new Error('no SQL')
  return first!.script
}

/** A bit more than a mebibyte of INSERTs. */
const rows = Array.from({ length: 20_000 }, (_, n) => `insert into t values (${n}, 'row é ${n}; it''s', null);\n`).join(
  '',
)

describe('in chunks', () => {
  const text = `create table t (a int, b text, c text);\n${rows}\n-- the end\n`

  test.each(['folder', 'bundle'])('a %s sends every statement once, in order, with its line', async (kind) => {
    write(`\ufeff${text.replaceAll('\n', '\r\n')}`)
    if (kind === 'bundle') await writeMigrations(source(), join(dir, 'out'))
    const script = await scriptOf(
      kind === 'bundle'
        ? openMigrations(join(dir, 'out'))
        : await openFolder({ dir: source(), shown: source(), format: 'auto' }),
    )
    expect(script).toMatchObject({ transaction: true, joinable: false, statements: [], size: Buffer.byteLength(text) })

    const lines = text.split('\n')
    let statements = 0
    let sent = ''
    for (const { sql, line, statements: count, data } of script.chunks()) {
      expect(Buffer.byteLength(sql)).toBeLessThanOrEqual(64 << 10)
      expect(sql.startsWith(lines[line - 1]!)).toBe(true)
      expect(data).toBeUndefined()
      statements += count
      sent += `${sql}\n`
    }
    expect(statements).toBe(20_001)
    expect(sent === text.replace('\n-- the end\n', '')).toBe(true)
    expect(script.read() === text).toBe(true)
  })

  test('a chunk knows where its statements begin', async () => {
    write(text)
    const [first] = (await scriptOf(await openFolder({ dir: source(), shown: source(), format: 'auto' }))).chunks()
    expect(first!.offsetOf!(0)).toBe(0)
    expect(first!.sql.slice(first!.offsetOf!(3)).startsWith(`insert into t values (2,`)).toBe(true)
    expect(first!.offsetOf!(first!.statements)).toBeUndefined()
  })

  test('the same input gives the same bytes', async () => {
    write(text)
    await writeMigrations(source(), join(dir, 'out'))
    await writeMigrations(source(), join(dir, 'again'))
    for (const file of ['manifest.json', '1_large.sql'])
      expect(fs.readFileSync(join(dir, 'again', file)).equals(fs.readFileSync(join(dir, 'out', file)))).toBe(true)
  })

  test.each([
    [
      'changed',
      (path: string) => fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace('row é 19999', 'row é 19998')),
    ],
    ['longer', (path: string) => fs.appendFileSync(path, '\n')],
    ['shorter', (path: string) => fs.truncateSync(path, 1 << 20)],
    ['gone', (path: string) => fs.rmSync(path)],
  ])('a bundle whose file is %s is noticed by its last chunk', async (_, damage) => {
    write(text)
    await writeMigrations(source(), join(dir, 'out'))
    damage(join(dir, 'out/1_large.sql'))
    const script = await scriptOf(openMigrations(join(dir, 'out')))
    expect(() => [...script.chunks()]).toThrow('is damaged')
  })

  test('its down is what follows the marker, with the lines of the file', async () => {
    write(`${text}-- upfront:down\ndrop table t;\n`)
    const [migration] = await openAll(await openFolder({ dir: source(), shown: source(), format: 'auto' }))
    expect(migration!.down).toBe('-- upfront:down\ndrop table t;\n')
    write(`${text}-- upfront:down\ndorp table t;\n`)
    expect(await findings()).toEqual([`${text.split('\n').length + 1}:1 syntax`])
  })
})

test('the data of COPY are chunks of their own, however long', async () => {
  const data = 'é\t1\n'.repeat(400_000)
  write(
    `create table t (a text, b int);\nselect 1;\ncopy t from stdin;\n${data}\\.\nselect 2;\ncopy t from stdin;\n\\.\nselect 3;\n`,
  )
  await writeMigrations(source(), join(dir, 'out'))
  const script = await scriptOf(openMigrations(join(dir, 'out')))
  const found = [...script.chunks()].length
  expect(found).toBe(3)
  const seen: unknown[] = []
  for (const { sql, line, statements, data: chunks } of script.chunks()) {
    const bytes = chunks && Buffer.concat([...chunks])
    seen.push([sql.trim().split('\n').at(-1), line, statements, bytes?.length])
  }
  expect(seen).toEqual([
    ['copy t from stdin;', 1, 3, Buffer.byteLength(data)],
    ['select 2;\ncopy t from stdin;'.split('\n')[1], 400_005, 2, 0],
    ['select 3;', 400_008, 1, undefined],
  ])
})

describe('what is refused in a small file is refused in a large one', () => {
  test.each([
    ['selct 1;', 'syntax', 1],
    [`insert into t values (1, 'a', null`, 'syntax', 35],
    [`insert into t values (1, 'a',, null);`, 'syntax', 30],
    [`insert into t values (1, 'a', null) (2, 'b', null);`, 'syntax', 37],
    ['vacuum;', 'alone', 1],
    ['commit;', 'transaction-control', 1],
    ['discard all;', 'session-lock', 1],
    [`select 1 as ${'n'.repeat(64)};`, 'long-name', 13],
    ['\\echo x', 'meta-command', 1],
    ['do $$ begin retrun; end $$;', 'function-body', 13],
    [`alter type x add value 'y'; select 'y'::x;`, 'enum-value', 36],
    ['copy t from stdin; select 1;\n1\n\\.', 'copy-data', 19],
  ])('%s', async (sql, rule, column) => {
    write(`${rows}${sql}\n`)
    expect(await findings()).toEqual([`20001:${column} ${rule}`])
  })

  test('all of it at once, behind one another', async () => {
    write(`selct 1;\n${rows}\\echo x\nvacuum;\n${rows}selct 2;\n`)
    expect((await findings()).toSorted()).toEqual(
      ['1:1 syntax', '20002:1 meta-command', '20003:1 alone', '40004:1 syntax'].toSorted(),
    )
  })

  test('an encoding', async () => {
    fs.writeFileSync(join(source(), '1_large.sql'), Buffer.concat([Buffer.from(rows), Buffer.from([0xff])]))
    expect(await findings()).toEqual(['20001:1 encoding'])
  })

  test('a marker, because nobody could record so much', async () => {
    write(`-- upfront:no-transaction\n${rows}`)
    expect(await findings()).toEqual(['1:1 alone'])
  })

  test('a statement of more than 64 MiB', async () => {
    write(`select 1;\n  select '${'x'.repeat(65 << 20)}'`)
    expect(await findings()).toEqual(['2:3 statement-size'])
  })
})

test('one outer pair is left out', async () => {
  write(`begin;\n${rows}commit;\n`)
  const { problems, notices } = await checkMigrations({ dir: source(), shown: source(), format: 'auto' })
  expect([problems, notices.length]).toEqual([[], 1])
  const chunks = [...(await scriptOf(await openFolder({ dir: source(), shown: source(), format: 'auto' }))).chunks()]
  expect(chunks[0]).toMatchObject({ line: 2 })
  expect(chunks.at(-1)!.sql).toMatch(/19999; it''s', null\);$/)
  expect(chunks.reduce((sum, { statements }) => sum + statements, 0)).toBe(20_000)
})

describe('one large statement', () => {
  const values = (count: number) =>
    Array.from({ length: count }, (_, n) => `(${n}, 'row ${n}', ${n % 3 ? 'null' : -n})`)

  test('of many rows is one chunk', async () => {
    write(`insert into t values\n${values(60_000).join(',\n')};\nselect 1;`)
    expect(await findings()).toEqual([])
    const chunks = [...(await scriptOf(await openFolder({ dir: source(), shown: source(), format: 'auto' }))).chunks()]
    expect(chunks.map(({ line, statements }) => [line, statements])).toEqual([
      [1, 1],
      [60_002, 1],
    ])
  })

  test.each([
    ['a row', (rowsOf: string[]) => rowsOf.splice(50_000, 1, `(1, 'x' 'y', null)`), 50_002, 9],
    ['the comma of a row', (rowsOf: string[]) => rowsOf.splice(50_000, 2, `(1) (2)`), 50_002, 5],
    ['a call', (rowsOf: string[]) => rowsOf.splice(50_000, 1, `(1, f(2,), 3)`), 50_002, 9],
  ])('is wrong where %s is', async (_, change, line, column) => {
    const list = values(60_000)
    change(list)
    write(`insert into t values\n${list.join(',\n')};\nselect 1;`)
    expect(await findings()).toEqual([`${line}:${column} syntax`])
  })

  test('of a long string is not given to the parser whole', async () => {
    write(`insert into t values (1, '${'x;'.repeat(1 << 20)}');\nselct`)
    expect(await findings()).toEqual(['2:1 syntax'])
  })

  test('is wrong behind a long string, too', async () => {
    write(`insert into t\n  select '${'x'.repeat(2 << 20)}',\n    $a$${'y'.repeat(1 << 20)}$a$ 1 2;`)
    const [found] = await findings()
    expect(found).toMatch(/^3:\d+ syntax$/)
  })
})
