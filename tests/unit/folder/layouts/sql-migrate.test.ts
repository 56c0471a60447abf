import { describe, expect, test } from 'vitest'
import { sqlMigrate } from '../../../../src/folder/layouts/sql-migrate.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

const users = `-- Users come first.
-- +migrate Up
create table users (
-- of nobody else
  id int primary key
);

-- +migrate StatementBegin
create function f() returns void language plpgsql as $$
begin
  perform 1;
end
$$;
-- +migrate StatementEnd

-- +migrate Down
drop function f();
drop table users;
`
const index = `-- +migrate Up notransaction
create index concurrently users_id on users (id);

-- +migrate Down
drop index users_id;
`

describeLayout(sqlMigrate, {
  files: { '1-users.sql': users, '2_index.sql': index, '10.sql': '-- +migrate Up\nselect 1;\n', 'last.sql': index },
  names: ['1-users', '2_index', '10', 'last'],
  keys: ['1-users.sql', '2_index.sql', '10.sql', 'last.sql'],
  stranger: ['README.md', 'How to migrate.\n'],
})

function parts(text: string) {
  return withFolder({ '1.sql': text }, (folder) => sqlMigrate.list(folder, '').migrations[0]!.parts!(text))
}

/** Line and message of each problem. */
function refused(text: string) {
  return parts(text).problems.map(({ line, what }) => `${line}: ${what}`)
}

const up = '-- +migrate Up\nselect 1;\n'

test('the order is that of the numbers, then of the names, and those without a number are last', () => {
  const names = ['b.sql', '10_a.sql', '9_b.sql', '09_c.sql', 'a.sql', '20240101000000-x.sql', '9_a.sql']
  const found = withFolder(Object.fromEntries(names.map((name) => [name, up])), (folder) =>
    sqlMigrate.list(folder, '').migrations.map(({ name }) => name),
  )
  expect(found).toEqual(['09_c', '9_a', '9_b', '10_a', '20240101000000-x', 'a', 'b'])
})

describe('parts', () => {
  test('both directions, without the lines that the tool does not send', () => {
    const found = parts(users)
    expect(found.problems).toEqual([])
    expect(found.up.split('\n')).toEqual([
      '-- Users come first.',
      '',
      'create table users (',
      '',
      '  id int primary key',
      ');',
      '',
      '',
      ...users.split('\n').slice(8, 13),
      '',
    ])
    expect(found.down!.split('\n').slice(16)).toEqual(['drop function f();', 'drop table users;', ''])
    expect(found.down!.trim()).toBe('drop function f();\ndrop table users;')
  })

  test('a comment that begins its line is left out of a statement, as the tool does it to a string, too', () => {
    expect(parts("-- +migrate Up\nselect 'a\n-- b\n--c\n -- d';\n").up).toBe("\nselect 'a\n\n--c\n -- d';\n")
  })

  test('notransaction counts for its own direction, once for all sections of it', () => {
    expect(parts(index)).toMatchObject({ outside: true, downOutside: false })
    expect(parts(`${up}-- +migrate Down  notransaction\n`)).toMatchObject({ outside: false, downOutside: true })
    expect(parts(`${up}-- +migrate Up notransaction\n`)).toMatchObject({ outside: true, downOutside: false })
    expect(parts('-- +migrate Up no-transaction NOTRANSACTION\n')).toMatchObject({ outside: false })
  })

  test('several sections run one after another', () => {
    const text = `${up}-- +migrate Down\nselect 2;\n-- +migrate Up\nselect 3;\n-- +migrate Down\nselect 4;\n`
    expect(parts(text)).toMatchObject({
      up: '\nselect 1;\n\n\n\nselect 3;\n',
      down: '\n\n\nselect 2;\n\n\n\nselect 4;\n',
      problems: [],
    })
  })

  test('without Down there is none; one that is empty takes back nothing', () => {
    expect(parts(up)).toMatchObject({ down: null, problems: [] })
    expect(parts(`${up}-- +migrate Down\n-- nothing\n`).down!.trim()).toBe('-- nothing')
  })

  test('the tool runs nothing of what stands before the first direction', () => {
    expect(parts(`select 0;\n${up}`)).toMatchObject({ up: '\n\nselect 1;\n', problems: [] })
  })

  test.each(['-- +migrate Sideways', '-- +migrate down', '-- +Migrate Down', '--+migrate Down x;', '-- +migrate'])(
    'the tool passes over %j',
    (line) => {
      const text = `${up}${line}\nselect 2;\n`
      expect(parts(text)).toMatchObject({ down: null, problems: [] })
      expect(parts(text).up).toContain('select 2;')
    },
  )
})

describe('what the tool refuses', () => {
  const unfinished = 'the statement ends neither in a semicolon'
  test.each([
    ['neither direction', 'select 1;\n', '1: there is neither "-- +migrate Up" nor "-- +migrate Down"'],
    ['another spelling', '-- +migrate up\nselect 1;\n', '1: there is neither'],
    ['a blank in front', ' -- +migrate Up\nselect 1;\n', '1: there is neither'],
    ['an empty line of its own', '-- +migrate  \n-- +migrate Up\n', '1: "-- +migrate" says nothing'],
    ['no semicolon', `${up}select\n2\n`, `3: ${unfinished}`],
    ['none before Down', '-- +migrate Up\nselect 1\n-- +migrate Down\nselect 2;\n', `2: ${unfinished}`],
    ['none in Down', `${up}-- +migrate Down\nselect 2\n`, `4: ${unfinished}`],
    ['a comment without a blank at the end', `${up}--end\n`, `3: ${unfinished}`],
    [
      'a block without an end',
      `${up}-- +migrate StatementBegin\nselect 2;\n`,
      '3: "-- +migrate StatementBegin" has no',
    ],
  ])('%s', (_, text, what) => {
    expect(refused(text)).toEqual([expect.stringContaining(what)])
  })

  test.each(['select 1; -- comment', 'select 1 ;', '\tselect 1;'])('%j ends a statement', (line) => {
    expect(refused(`-- +migrate Up\n${line}\n`)).toEqual([])
  })

  test('in a block a semicolon is not needed, and ends nothing', () => {
    const block = (text: string) => `-- +migrate Up\n-- +migrate StatementBegin\n${text}\n-- +migrate StatementEnd\n`
    expect(refused(block('select 1'))).toEqual([])
    expect(refused(`${block('select 1;\nselect 2')}select 3\n`)).toEqual([expect.stringContaining('6:')])
  })

  test('an end without a block, and a block before the first direction, are nothing', () => {
    expect(refused(`-- +migrate StatementBegin\n${up}-- +migrate StatementEnd\n`)).toEqual([])
  })
})

test('a folder is recognised by the exact line', () => {
  const isOurs = (text: string) => withFolder({ '1.sql': text }, sqlMigrate.detect)
  expect(['-- +migrate Up\r\n', 'x\n-- +migrate Down notransaction'].map(isOurs)).toEqual([true, true])
  expect(['-- +goose Up', ' -- +migrate Up', '-- migrate:up'].map(isOurs)).toEqual([false, false, false])
})

test('a block that ends without a semicolon ends all the same, and what follows is another statement', () => {
  const text = '-- +migrate Up\n-- +migrate StatementBegin\nselect 1\n-- +migrate StatementEnd\nselect 2;\n'
  const [migration] = withFolder({ '1_a.sql': text }, (folder) => sqlMigrate.list(folder, 'm').migrations)
  expect(migration!.parts!(text)).toMatchObject({ up: '\n\nselect 1\n;\nselect 2;\n', problems: [] })
})
