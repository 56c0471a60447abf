import { describe, expect, test } from 'vitest'
import { fileDirectives } from '../../../../src/folder/layouts/atlas/directives.ts'
import { sum } from '../../../../src/folder/layouts/atlas/sum.ts'
import { atlas } from '../../../../src/folder/layouts/atlas.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

// Made by the formula, which was held against 22 folders that atlas itself had hashed.
const files = {
  '20240101000000_users.sql': 'create table users (id int);\n',
  '20240102000000.sql': '-- atlas:txmode none\n\ncreate index concurrently users_id\n  on users (id);\n',
  '3_orders_and_more.sql': 'create table orders (id int);\n',
  'atlas.sum': `h1:wxmgFJcFjXrmfan3cZnBRyvTuzgEHG5Zs3Ssqi684hg=
20240101000000_users.sql h1:X+r666pTQhGsmUiGH04mu4sA9Vo5uHMDnnomMfd0wuY=
20240102000000.sql h1:YLBY8lB2MDQ5XTxHxh6P3atqyDgjniY6CDmYgEalls0=
3_orders_and_more.sql h1:JAxgbqtxKICW61zGit2c2imBlD50jaCJgkMqzYhx3P0=
`,
}

describeLayout(atlas, {
  files,
  names: ['20240101000000_users', '20240102000000', '3_orders_and_more'],
  keys: ['20240101000000', '20240102000000', '3'],
  stranger: ['README.md', '# Migrations\n'],
})

const list = (changed: Record<string, string | undefined>) => {
  const all = Object.entries({ ...files, ...changed }).filter((one): one is [string, string] => one[1] !== undefined)
  return withFolder(Object.fromEntries(all), (folder) => atlas.list(folder, 'migrations'))
}

const problems = (changed: Record<string, string | undefined>) => list(changed).problems.map(({ what }) => what)

test('the history has the hash of atlas.sum', () => {
  const { migrations } = list({})
  expect(migrations[0]!.origin!(Buffer.from(''))).toEqual({
    key: '20240101000000',
    hashes: ['X+r666pTQhGsmUiGH04mu4sA9Vo5uHMDnnomMfd0wuY=', 'h1:X+r666pTQhGsmUiGH04mu4sA9Vo5uHMDnnomMfd0wuY='],
  })
})

describe('a folder that is not what atlas.sum says is refused, as by the tool', () => {
  test.each([
    [
      'a file was edited',
      { '20240102000000.sql': 'select 1;\n' },
      'migrations/20240102000000.sql is not what atlas.sum says: it was edited',
    ],
    [
      'the ends of its lines were changed',
      { '20240101000000_users.sql': 'create table users (id int);\r\n' },
      'migrations/20240101000000_users.sql is not what atlas.sum says: it was edited',
    ],
    [
      'a file came last',
      { '4_new.sql': 'select 1;\n' },
      'migrations/4_new.sql is not in atlas.sum, or not in this place',
    ],
    [
      'a file came between',
      { '20240101000001_new.sql': 'select 1;\n' },
      'migrations/20240101000001_new.sql is not in atlas.sum, or not in this place',
    ],
    [
      'a file is gone',
      { '20240102000000.sql': undefined },
      'migrations/20240102000000.sql is in atlas.sum, and not in the folder',
    ],
    [
      'the sum of the sums is another',
      { 'atlas.sum': files['atlas.sum'].replace('h1:wx', 'h1:xx') },
      'migrations/atlas.sum is inconsistent: its first line is not the checksum of the others',
    ],
    [
      'a line is none',
      { 'atlas.sum': files['atlas.sum'].replace('3_', '<<<<<<< HEAD\n3_') },
      'migrations/atlas.sum has a line that is no checksum',
    ],
    [
      'it is empty',
      { 'atlas.sum': '' },
      'migrations/atlas.sum is inconsistent: its first line is not the checksum of the others',
    ],
  ])('%s', (_, changed, what) => expect(problems(changed)).toEqual([what]))

  test('and atlas.sum itself may have the ends of lines of Windows', () => {
    expect(problems({ 'atlas.sum': files['atlas.sum'].replaceAll('\n', '\r\n') })).toEqual([])
  })
})

test('a file that says so has no sum, and its name counts', () => {
  const make = (text: string) =>
    sum([
      { name: '1.sql', bytes: Buffer.from(text) },
      { name: '2.sql', bytes: Buffer.from('select 2;\n') },
    ])
  const [left, after] = make('-- atlas:sum ignore\n\nselect 1;\n')
  expect(left).toEqual({ name: '1.sql', hash: null })
  expect(make('-- atlas:sum ignore\n\nselect 3;\n')[1]).toEqual(after)
  expect(make('\n-- atlas:sum ignore\n')[0]!.hash).not.toBeNull()
  expect(after!.hash).not.toBe(sum([{ name: '2.sql', bytes: Buffer.from('select 2;\n') }])[0]!.hash)
})

test('checkpoints, and two files of one version, are refused', () => {
  expect(problems({ '3_orders_and_more.sql': '-- atlas:checkpoint\n\nselect 1;\n' })).toContain(
    'migrations/3_orders_and_more.sql is a checkpoint of atlas, which stands for all files before it',
  )
  expect(problems({ '3_again.sql': 'select 1;\n' })).toContain(
    '2 files have the version 3: migrations/3_again.sql and migrations/3_orders_and_more.sql',
  )
})

test.each([
  ['-- atlas:txmode none\n\nselect 1;\n', ['txmode=none@1']],
  ['# x\n-- y\n-- atlas:nolint  a b \n-- atlas:txmode file\n \t\nselect 1;\n', ['nolint=a b@3', 'txmode=file@4']],
  ['-- atlas:checkpoint\n', ['checkpoint=@1']],
  // A comment of the first statement.
  ['-- atlas:txmode none\nselect 1;\n', []],
  ['\n-- atlas:txmode none\n\nselect 1;\n', []],
])('%j has the directives %j', (text, expected) => {
  expect(fileDirectives(text).map(({ name, value, line }) => `${name}=${value}@${line}`)).toEqual(expected)
})

describe('a file that is to run', () => {
  const parts = (text: string) => list({ '3_orders_and_more.sql': text }).migrations[2]!.parts!(text)
  const wrong = (text: string) => parts(text).problems.map(({ line, what }) => `${line}: ${what}`)

  test('is its own up, outside a transaction where it says so', () => {
    const [none, file, nothing] = [
      '-- atlas:txmode none\n\nselect 1;\n',
      '-- atlas:txmode file\n\nselect 1;\n',
      'select 1;\n',
    ]
    expect(parts(none!)).toEqual({ up: none, down: null, outside: true, problems: [] })
    expect(parts(file!)).toEqual({ up: file, down: null, outside: false, problems: [] })
    expect(parts(nothing!)).toEqual({ up: nothing, down: null, outside: false, problems: [] })
  })

  test.each([
    ['-- atlas:txmode all\n\nselect 1;\n', '1: a file has no txmode all'],
    ['-- x\n-- atlas:txmode none\n-- atlas:txmode none\n\nselect 1;\n', '3: several txmodes in one file'],
    ['-- atlas:delimiter \\n\\n\n\nselect 1\n\nselect 2\n', '1: the delimiter is \\n\\n, not a semicolon'],
    ['-- atlas:delimiter -- end\nselect 1\n-- end\n', '1: the delimiter is -- end, not a semicolon'],
    [
      '-- atlas:txtar\n\n-- checks.sql --\nselect 1;\n',
      '1: the file is an archive (txtar), with checks that run before it',
    ],
    ['-- atlas:sum ignore\n\nselect 1;\n', '1: the file is left out of atlas.sum'],
    ['select 1;\n{{- if eq .Env "dev" }}\nselect 2;\n{{ end }}\n', '2: the file is a template of atlas'],
    ['create schema {{ .Tenant }};\n', '1: the file is a template of atlas'],
    ['{{ template "shared/users" "x" }}\n', '1: the file is a template of atlas'],
  ])('%j is refused', (text, what) => expect(wrong(text)).toEqual([what]))

  test.each([
    '-- atlas:delimiter ;\nselect 1;\n',
    'select 1;\n-- atlas:delimiter \\n\\n\n',
    "select '{{1,2},{3,4}}'::int[], '{{.5}}'::float[], '{{if,with}}'::text[], '{{end,x}}'::text[];\n",
    "insert into mails values ('Hello {{name}}, {{#if x}}');\n",
  ])('%j is not', (text) => expect(wrong(text)).toEqual([]))
})
