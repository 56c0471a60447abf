import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { viewFolder } from '../../../../src/folder/layouts/folder-view.ts'
import type { Folder, Layout } from '../../../../src/folder/layouts/layout.ts'
import { sqlx } from '../../../../src/folder/layouts/sqlx.ts'
import { type Example, describeLayout, withFolder } from './describe-layout.ts'

/** Sees the folder `migrations` of a crate. */
function withCrate<T>(files: Example['files'], use: (folder: Folder) => T): T {
  return withFolder(files, ({ dir }) => use(viewFolder(`${dir}/migrations`)))
}

/** Looks below a folder, so that what stands beside the migrations is a file of the example. */
const inCrate: Layout = {
  ...sqlx,
  detect: ({ dir }) => sqlx.detect(viewFolder(`${dir}/migrations`)),
  list: ({ dir }, shown) => {
    const { migrations, ...rest } = sqlx.list(viewFolder(`${dir}/migrations`), shown)
    return { ...rest, migrations: migrations.map((one) => ({ ...one, file: `migrations/${one.file}` })) }
  },
}

const files = {
  'Cargo.toml': '[dependencies]\nsqlx = { version = "0.9", features = ["postgres"] }\n',
  'migrations/1_users.sql': 'create table users (id int);\n',
  'migrations/0002_orders.up.sql': 'create table orders (id int);\n',
  'migrations/0002_orders.down.sql': 'drop table orders;\n',
  'migrations/20240101000000_index.sql': '-- no-transaction\ncreate index concurrently on users (id);\n',
}

describeLayout(inCrate, {
  files,
  names: ['1_users', '0002_orders', '20240101000000_index'],
  keys: ['1', '2', '20240101000000'],
  stranger: ['migrations/schema.sql', 'select 1;\n'],
})

const list = (...names: string[]) => {
  const { migrations, problems, notices } = withFolder(Object.fromEntries(names.map((name) => [name, ''])), (folder) =>
    sqlx.list(folder, 'migrations'),
  )
  return {
    migrations: migrations.map(({ name, downFile }) => [name, downFile].filter(Boolean).join(' ')),
    problems: problems.map(({ what }) => what),
    notices: notices!.map(({ what }) => what),
  }
}

describe('the folder of a crate', () => {
  test.each([
    ['sqlx.toml', '', true],
    ['.sqlx/query-1.json', '{}', true],
    ['Cargo.toml', '[dependencies]\nsqlx.workspace = true\n', true],
    ['Cargo.toml', '[dependencies]\nrefinery = "0.8"\n', false],
    ['package.json', '{ "sqlx": 1 }', false],
  ])('that has %s with %j: %s', (path, text, expected) => {
    expect(withCrate({ [path]: text, 'migrations/1_a.sql': '' }, sqlx.detect)).toBe(expected)
  })

  test('without migrations is not recognised', () => {
    expect(withCrate({ 'sqlx.toml': '', 'migrations/README.md': '' }, sqlx.detect)).toBe(false)
  })
})

test('versions are numbers, and the down belongs to its number', () => {
  expect(list('10_a.sql', '9_b.up.sql', '009_x.down.sql', '9223372036854775807_c.sql', '3_gone.down.sql')).toEqual({
    migrations: ['9_b 009_x.down.sql', '10_a', '9223372036854775807_c'],
    problems: [],
    notices: [],
  })
})

test('what sqlx refuses is refused, what it passes over is told', () => {
  expect(list('1_a.sql', 'init_b.sql', '9223372036854775808_c.sql', 'schema.sql', '2_d.SQL', '01_e.up.sql')).toEqual({
    migrations: ['01_e', '1_a'],
    problems: [
      'migrations/9223372036854775808_c.sql does not begin with a whole number of 64 bits',
      'migrations/init_b.sql does not begin with a whole number of 64 bits',
      'two files have the version 1: migrations/01_e.up.sql and migrations/1_a.sql',
    ],
    notices: ['migrations/schema.sql has no _ in its name: it is passed over, as by sqlx'],
  })
})

test.each([
  ['-- no-transaction\nselect 1;\n', true],
  ['-- no-transaction because of the index\nselect 1;\n', true],
  ['\n-- no-transaction\nselect 1;\n', false],
  ['--no-transaction\nselect 1;\n', false],
])('%j runs outside a transaction: %s', (text, outside) => {
  const [migration] = withFolder({ '1_a.sql': text }, (folder) => sqlx.list(folder, '')).migrations
  expect(migration!.parts!(text)).toEqual({ up: text, down: null, outside, problems: [] })
})

describe('the checksum', () => {
  const sha384 = (text: string) => createHash('sha384').update(text).digest('hex')
  const hashes = (text: string, settings?: string) =>
    withCrate(
      { 'migrations/1_a.sql': text, ...(settings === undefined ? {} : { 'sqlx.toml': settings }) },
      (folder) => sqlx.list(folder, '').migrations[0]!.origin!(Buffer.from(text)).hashes,
    )
  const text = '\ufeffselect 1;\n\n-- é\r\n'

  test('is of the bytes, or of the same with other ends of lines', () => {
    expect(hashes(text)).toEqual([text, '\ufeffselect 1;\n\n-- é\n', '\ufeffselect 1;\r\n\r\n-- é\r\n'].map(sha384))
    expect(hashes('')).toEqual([sha384('')])
  })

  test.each([
    '[migrate]\nignored-chars = [" ", "\\t", "\\r", "\\n", "\\uFEFF"]\n',
    '# ignored-chars = []\n[common]\nx = 1\n\n[migrate] # here\ntable-name = "a.b"\nignored-chars = [\n  \' \', # "1"\n  "\\r", "\\n",\n  "\\U0000FEFF",\n]\n[migrate.defaults]\n',
    'migrate.ignored-chars = [" ", "\\r", "\\n", "\\uFEFF"]\n',
  ])('leaves out what %j says', (settings) => {
    expect(hashes(text, settings)).toEqual([sha384('select1;--é')])
  })

  test.each(['[macros]\nignored-chars = [" "]\n', '[migrate]\n# ignored-chars = [" "]\n', '[migrate]\n'])(
    'leaves out nothing for %j',
    (settings) => expect(hashes('select 1;', settings)).toEqual([sha384('select 1;')]),
  )
})
