import { describe, expect, test } from 'vitest'
import { dbmate } from '../../../../src/folder/layouts/dbmate.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

const users = `-- Users come first.

-- migrate:up
create table users (
  id int primary key
);

-- migrate:down
drop table users;
`
const index = `-- migrate:up transaction:false
create index concurrently users_id on users (id);

-- migrate:down

`

describeLayout(dbmate, {
  files: { '20240101000000_users.sql': users, '20240102000000_index.sql': index, '3.sql': users },
  names: ['20240101000000_users', '20240102000000_index', '3'],
  keys: ['20240101000000', '20240102000000', '3'],
  stranger: ['schema.sql', 'create table users (id int);\n'],
})

function list(...names: string[]) {
  return withFolder(Object.fromEntries(names.map((name) => [name, users])), (folder) => {
    const { migrations, problems, notices = [] } = dbmate.list(folder, 'migrations')
    return {
      names: migrations.map(({ name }) => name),
      keys: migrations.map(({ origin }) => origin!(Buffer.from('')).key),
      problems: problems.map(({ what }) => what),
      notices: notices.map(({ what }) => what),
    }
  })
}

function parts(text: string) {
  return withFolder({ '1.sql': text }, (folder) => dbmate.list(folder, '').migrations[0]!.parts!(text))
}

/** Line and message of each problem. */
function refused(text: string) {
  return parts(text).problems.map(({ line, what }) => `${line}: ${what}`)
}

describe('names', () => {
  test('the order is that of the names, and the version is text', () => {
    expect(list('9_b.sql', '10_a.sql', '010x.sql')).toMatchObject({
      names: ['010x', '10_a', '9_b'],
      keys: ['010', '10', '9'],
      problems: [],
    })
  })

  test('two files with one version are refused, both named', () => {
    expect(list('1_a.sql', '1b.sql', '01_c.sql').problems).toEqual([
      '2 files have the version 1: migrations/1_a.sql and migrations/1b.sql',
    ])
  })

  test('SQL without a version is passed over, and that is told', () => {
    const { names, problems, notices } = list('1_a.sql', 'schema.sql')
    expect([names, problems]).toEqual([['1_a'], []])
    expect(notices).toEqual([expect.stringContaining('migrations/schema.sql does not begin with a digit')])
  })
})

describe('parts', () => {
  test('both directions, each line where it is in the file', () => {
    const { up, down, outside, downOutside, problems } = parts(users)
    expect(problems).toEqual([])
    expect([outside, downOutside]).toEqual([false, false])
    expect(up).toBe(`${users.slice(0, users.indexOf('\n\n-- migrate:down'))}\n`)
    expect(down).toBe('\n\n\n\n\n\n\n-- migrate:down\ndrop table users;\n')
  })

  test.each([
    ['transaction:false', true],
    ['foo:bar  transaction:false', true],
    ['transaction:true transaction:false', true],
    ['transaction:false transaction:true', false],
    ['transaction:false:x', false],
    ['transaction:false transaction', true],
    ['transaction : false', false],
    ['transaction=false', false],
    ['TRANSACTION:false', false],
    ['transaction:False', false],
    ['-- transaction:false', true],
  ])('"%s" leaves the transaction of its direction: %s', (options, outside) => {
    const text = (up: string, down: string) => `-- migrate:up ${up}\nselect 1;\n-- migrate:down ${down}\nselect 2;\n`
    expect(parts(text(options, ''))).toMatchObject({ outside, downOutside: false, problems: [] })
    expect(parts(text('', options))).toMatchObject({ outside: false, downOutside: outside, problems: [] })
  })

  test('several pairs run one after another, outside when one of them is', () => {
    const pair = (n: number, options = '') => `-- migrate:up${options}\nselect ${n};\n-- migrate:down\nselect -${n};\n`
    const found = parts(pair(1) + pair(2, ' transaction:false'))
    expect(found).toEqual({
      up: '-- migrate:up\nselect 1;\n\n\n-- migrate:up transaction:false\nselect 2;\n',
      down: '\n\n-- migrate:down\nselect -1;\n\n\n-- migrate:down\nselect -2;\n',
      outside: true,
      downOutside: false,
      problems: [],
    })
  })

  test('a down that is empty takes back nothing', () => {
    expect(parts(index)).toMatchObject({ down: '\n\n\n-- migrate:down\n', outside: true, problems: [] })
  })

  test.each(['--migrate:up', '--\tmigrate:up  ', '-- migrate:up\tx'])('%j begins an up', (line) => {
    expect(refused(`  \n -- comment\n${line}\nselect 1;\n-- migrate:down\n`)).toEqual([])
  })

  test('a line of a down before the first up is a comment', () => {
    expect(parts('-- migrate:down\n-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n')).toMatchObject({
      up: '-- migrate:down\n-- migrate:up\nselect 1;\n',
      down: '\n\n\n-- migrate:down\nselect 2;\n',
      problems: [],
    })
  })
})

describe('what the tool refuses', () => {
  const none = 'no "-- migrate:down" follows this "-- migrate:up"'
  test.each([
    ['no directive', 'select 1;\n', ['1: there is no "-- migrate:up"']],
    ['a down alone', '-- migrate:down\nselect 1;\n', ['1: there is no "-- migrate:up"']],
    ['an up alone', '-- x\n-- migrate:up\nselect 1;\n', [`2: ${none}`]],
    ['two ups', '-- migrate:up\nselect 1;\n-- migrate:up\n-- migrate:down\n', [`1: ${none}`]],
    ['a pair and an up', '-- migrate:up\n-- migrate:down\n-- migrate:up\n', [`3: ${none}`]],
    [
      'two downs',
      '-- migrate:up\n-- migrate:down\nselect 1;\n-- migrate:down\n',
      ['4: a second "-- migrate:down" follows one "-- migrate:up"'],
    ],
    [
      'a statement before the first up',
      '-- x\nselect 0;\nselect 1;\n-- migrate:up\n-- migrate:down\n',
      ['2: a statement stands before the first "-- migrate:up"'],
    ],
    [
      'the down first',
      '-- migrate:down\nselect 2;\n-- migrate:up\n',
      ['2: a statement stands before the first "-- migrate:up"', `3: ${none}`],
    ],
    ['another spelling', '-- Migrate:up\n-- migrate:down\n', ['1: there is no "-- migrate:up"']],
    ['a blank in front', ' -- migrate:up\n-- migrate:down\n', ['1: there is no "-- migrate:up"']],
    ['letters behind it', '-- migrate:upwards\n-- migrate:down\n', ['1: there is no "-- migrate:up"']],
  ])('%s', (_, text, problems) => {
    expect(refused(text)).toEqual(problems)
  })
})

test('a folder is recognised by the line of an up', () => {
  const isDbmate = (text: string) => withFolder({ '1.sql': text }, dbmate.detect)
  expect(['--migrate:up', 'x\r\n-- migrate:up\r\n', '-- migrate:up transaction:false'].map(isDbmate)).toEqual([
    true,
    true,
    true,
  ])
  expect(['-- migrate:upwards', ' -- migrate:up', '-- +migrate Up'].map(isDbmate)).toEqual([false, false, false])
})

test('an up that ends without a semicolon ends all the same where the next pair begins', () => {
  const text =
    '-- migrate:up\nselect 1\n-- migrate:down\nselect -1;\n-- migrate:up\nselect 2;\n-- migrate:down\nselect -2;\n'
  const [migration] = withFolder({ '1_a.sql': text }, (folder) => dbmate.list(folder, 'm').migrations)
  expect(migration!.parts!(text)).toMatchObject({ up: '-- migrate:up\nselect 1\n\n\n;\nselect 2;\n', problems: [] })
})
