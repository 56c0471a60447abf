import { describe, expect, test } from 'vitest'
import type { Folder } from '../../../../src/folder/layouts/layout.ts'
import { nodePgMigrate } from '../../../../src/folder/layouts/node-pg-migrate.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

describeLayout(nodePgMigrate, {
  files: {
    '1700000000123_init.sql': '-- Up Migration\ncreate table users (id int);\n\n-- Down Migration\ndrop table users;\n',
    // Earlier than its number says: 2020-05-13.
    '20200513070724505_teams.sql': 'create table teams (id int);\n',
    '1700000000123_later.sql': '-- Down Migration\ndrop table b;\n-- Up Migration\ncreate table b (id int);\n',
    '1800000000000_pair.up.sql': 'create table pair (id int);\n',
    '1800000000000_pair.down.sql': 'drop table pair;\n',
  },
  names: ['20200513070724505_teams', '1700000000123_init', '1700000000123_later', '1800000000000_pair'],
  keys: ['20200513070724505_teams', '1700000000123_init', '1700000000123_later', '1800000000000_pair'],
  stranger: ['README.md', '# Migrations\n'],
})

const list = (...files: string[]) => {
  const { migrations, problems } = withFolder(Object.fromEntries(files.map((file) => [file, ''])), (folder) =>
    nodePgMigrate.list(folder, 'migrations'),
  )
  return {
    migrations: migrations.map(({ name, downFile }) => [name, downFile].filter(Boolean).join(' ')),
    problems: problems.map(({ what }) => what),
  }
}

test.each([
  ['-- Up Migration\n', true],
  ['\n  ---- UP   migration: users\n', true],
  ['-- Set up migration\n', false],
  ['-- Down Migration\n', false],
])('%j says whose it is: %s', (text, expected) => {
  expect(withFolder({ '1_a.sql': text }, nodePgMigrate.detect)).toBe(expected)
})

// The order that node-pg-migrate 9.0.0 has run these files in.
test('numbers are compared as numbers, and the same ones by the rest of the name', () => {
  expect(list('10_a.sql', '9_b.sql', '9_a10.sql', '9_a9.sql', '0009_a.sql', '20240101000000_x.sql')).toEqual({
    migrations: ['9_a9', '9_a10', '0009_a', '9_b', '10_a', '20240101000000_x'],
    problems: [],
  })
})

test('the name needs no underscore', () => {
  expect(list('2-b.sql', '1.sql').migrations).toEqual(['1', '2-b'])
})

describe('a file', () => {
  const parts = (text: string) =>
    withFolder({ '1_a.sql': text }, (folder) => nodePgMigrate.list(folder, '').migrations[0]!.parts!(text))

  test.each([
    ['select 1;\n', 'select 1;\n', null],
    ['-- x\n-- Up Migration\nselect 1;\n', '\n-- Up Migration\nselect 1;\n', null],
    [
      'select 0;\n-- Up Migration\nselect 1;\n-- Down Migration\nselect 2;\n',
      '\n-- Up Migration\nselect 1;\n',
      '\n\n\n-- Down Migration\nselect 2;\n',
    ],
    [
      '-- down migration\nselect 2;\n-- up migration\nselect 1;\n',
      '\n\n-- up migration\nselect 1;\n',
      '-- down migration\nselect 2;\n',
    ],
    [
      'select 1;\n-- Down Migration\nselect 2;\n',
      'select 1;\n-- Down Migration\nselect 2;\n',
      '\n-- Down Migration\nselect 2;\n',
    ],
  ])('%j', (text, up, down) => {
    expect(parts(text)).toEqual({ up, down, outside: false, problems: [] })
  })
})

describe('a pair', () => {
  test('has its down in a file of its own, and no markers', () => {
    expect(list('1_a.up.sql', '1_a.down.sql', '2_b.up.sql')).toEqual({
      migrations: ['1_a 1_a.down.sql', '2_b'],
      problems: [],
    })
    const { migrations } = withFolder({ '1_a.up.sql': '' }, (folder) => nodePgMigrate.list(folder, ''))
    expect(migrations[0]).not.toHaveProperty('parts')
  })

  test.each([
    [['1_a.down.sql'], 'migrations/1_a.down.sql has no up: 1_a.up.sql does not exist'],
    [['1_a.sql', '1_a.up.sql'], 'several files are the migration 1_a: migrations/1_a.sql and migrations/1_a.up.sql'],
    [
      ['1_a.sql', '1_a.down.sql'],
      'several files are the migration 1_a: migrations/1_a.sql and migrations/1_a.down.sql',
    ],
  ])('%j is refused, as by the tool', (files, what) => expect(list(...files).problems).toEqual([what]))
})

test('SQL without a number is refused, as by the tool', () => {
  expect(list('1_a.sql', 'b.sql').problems).toEqual(['migrations/b.sql does not begin with a number'])
})

test('what only the library can run is there, and says so to whoever opens it', () => {
  const files = ['1_a.sql', '2_b.js', '3_c.ts', '4_d.cjs', '5_e.mts', '3_c.d.ts', 'shared.js']
  const found = (folder: Folder) => nodePgMigrate.list(folder, 'migrations')
  const { migrations, problems } = withFolder(Object.fromEntries(files.map((file) => [file, ''])), found)
  expect(problems).toEqual([])
  expect(migrations.map(({ name, cannotRun }) => `${name}: ${cannotRun?.what}`)).toEqual([
    '1_a: undefined',
    '2_b: migrations/2_b.js is code that only node-pg-migrate can run',
    '3_c: migrations/3_c.ts is code that only node-pg-migrate can run',
    '4_d: migrations/4_d.cjs is code that only node-pg-migrate can run',
    '5_e: migrations/5_e.mts is code that only node-pg-migrate can run',
  ])
})
