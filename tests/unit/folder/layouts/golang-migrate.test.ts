import { expect, test } from 'vitest'
import { golangMigrate } from '../../../../src/folder/layouts/golang-migrate.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

describeLayout(golangMigrate, {
  files: {
    '000001_users.up.sql': 'create table users (id int primary key);\n',
    '000001_users.down.sql': 'drop table users;\n',
    '000002_orders.up.sql': 'begin;\ncreate table orders (id int);\ncommit;\n',
    '000002_orders.down.sql': 'drop table orders;\n',
    '000010_more.up.sql': 'select 1;\n',
  },
  names: ['000001_users', '000002_orders', '000010_more'],
  keys: ['1', '2', '10'],
  stranger: ['README.md', 'How to migrate.\n'],
})

function list(...names: string[]) {
  const files = Object.fromEntries(names.map((name) => [name, 'select 1;\n']))
  return withFolder(files, (folder) => {
    const { migrations, problems, notices = [] } = golangMigrate.list(folder, 'migrations')
    return {
      detected: golangMigrate.detect(folder),
      migrations: migrations.map(({ name, file, downFile }) => [name, file, downFile]),
      keys: migrations.map(({ origin }) => origin!(Buffer.from('')).key),
      problems: problems.map(({ what }) => what),
      notices: notices.map(({ what }) => what),
    }
  })
}

test('versions are numbers, whatever their zeros, and tell which down is whose', () => {
  expect(list('10_c.up.sql', '009_b.up.sql', '9_undo b.down.sql', '0_a.up.sql', '10_c.down.sql')).toMatchObject({
    migrations: [
      ['0_a', '0_a.up.sql', null],
      ['009_b', '009_b.up.sql', '9_undo b.down.sql'],
      ['10_c', '10_c.up.sql', '10_c.down.sql'],
    ],
    keys: ['0', '9', '10'],
    problems: [],
    notices: [],
  })
})

test('the last direction in a name is the one that counts, and the title may be empty', () => {
  const { migrations, problems } = list('1_a.down.up.sql', '1_a.up.down.sql', '2_.up.sql')
  expect(migrations).toEqual([
    ['1_a.down', '1_a.down.up.sql', '1_a.up.down.sql'],
    ['2_', '2_.up.sql', null],
  ])
  expect(problems).toEqual([])
})

test.each([
  [['1_a.up.sql', '01_b.up.sql'], 'migrations/01_b.up.sql and migrations/1_a.up.sql', 'up'],
  [['1_a.up.sql', '1_a.down.sql', '1_b.down.sql'], 'migrations/1_a.down.sql and migrations/1_b.down.sql', 'down'],
  // The tool takes any extension.
  [['1_a.up.sql', '1_a.up.sql.bak'], 'migrations/1_a.up.sql and migrations/1_a.up.sql.bak', 'up'],
])('two files of one version and direction are refused: %j', (names, paths, direction) => {
  expect(list(...names).problems).toEqual([`2 files are the ${direction} of version 1: ${paths}`])
})

test('an up that is no .sql is there and says that it cannot run, never passed over', () => {
  const files = { '1_a.up.sql': '', '2_b.up.go': '' }
  const { migrations } = withFolder(files, (folder) => golangMigrate.list(folder, 'migrations'))
  expect(migrations.map(({ name, cannotRun }) => [name, cannotRun?.what])).toEqual([
    ['1_a', undefined],
    ['2_b', 'migrations/2_b.up.go does not end in .up.sql, and upfront runs no other'],
  ])
})

test('a down without an up stops nothing and is told', () => {
  expect(list('1_a.up.sql', '2_b.down.sql')).toMatchObject({
    migrations: [['1_a', '1_a.up.sql', null]],
    problems: [],
    notices: ['migrations/2_b.down.sql has no up: there is no 2_<title>.up.sql'],
  })
})

test.each(['schema.sql', '2_b.sql', 'x_b.up.sql', '2b.up.sql', '18446744073709551616_b.up.sql', '2_b.UP.sql'])(
  '%s is passed over, and that is told',
  (name) => {
    const { migrations, problems, notices } = list('1_a.up.sql', name)
    expect(migrations).toEqual([['1_a', '1_a.up.sql', null]])
    expect(problems).toEqual([])
    expect(notices).toEqual([expect.stringContaining(`migrations/${name} is not named like a migration`)])
  },
)

test('the largest version is one of 64 bits without a sign', () => {
  expect(list('18446744073709551615_b.up.sql').keys).toEqual(['18446744073709551615'])
})

test.each([
  [['1_a.up.sql', '1_a.down.sql'], true],
  [['1_a.up.sql', '2_b.up.sql'], false],
  [['1_a.down.sql'], false],
  [['1_a.up.sql', '1_a.down.sql', '2_b.sql'], false],
  [['1_a.up.sql', '1_a.down.sql', 'schema.sql'], false],
  [['1_a.up.sql', '1_a.down.sql', 'notes.txt'], true],
])('a folder with %j is taken for one of golang-migrate: %s', (names, expected) => {
  expect(list(...names).detected).toBe(expected)
})
