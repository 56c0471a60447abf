import { describe, expect, test } from 'vitest'
import { goose } from '../../../../src/folder/layouts/goose.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

const users = `-- +goose Up
-- Users come first.
create table users (
  id int primary key
);

-- +goose StatementBegin
create function f() returns void language plpgsql as $$
begin
  perform 1;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function f();
drop table users;
`
const index = `-- +goose no transaction
-- +goose up
create index concurrently users_id on users (id);

-- +goose down
drop index concurrently users_id;
`

describeLayout(goose, {
  files: { '00001_users.sql': users, '00002_index.sql': index, '20240101000000_late.sql': '-- +goose Up\nselect 1;\n' },
  names: ['00001_users', '00002_index', '20240101000000_late'],
  keys: ['1', '2', '20240101000000'],
  stranger: ['helpers.go', 'package migrations\n'],
})

function list(files: Record<string, string>) {
  return withFolder(files, (folder) => {
    const { migrations, problems, notices = [] } = goose.list(folder, 'migrations')
    return {
      names: migrations.map(({ name }) => name),
      problems: problems.map(({ what }) => what),
      notices: notices.map(({ what }) => what),
    }
  })
}

function parts(text: string) {
  return withFolder({ '1_a.sql': text }, (folder) => goose.list(folder, '').migrations[0]!.parts!(text))
}

/** Line and message of each problem. */
function refused(text: string) {
  return parts(text).problems.map(({ line, what }) => `${line}: ${what}`)
}

const up = '-- +goose Up\nselect 1;\n'

describe('names', () => {
  test('the order is that of the numbers', () => {
    expect(list({ '10_c.sql': up, '9_b.sql': up, '001_a.sql': up }).names).toEqual(['001_a', '9_b', '10_c'])
  })

  test('two files with one version are refused, one in Go as well', () => {
    const { problems } = list({ '1_a.sql': up, '01_b.sql': up, '2_c.sql': up, '2_d.go': '' })
    expect(problems).toEqual([
      '2 files have the version 1: migrations/01_b.sql and migrations/1_a.sql',
      '2 files have the version 2: migrations/2_c.sql and migrations/2_d.go',
    ])
  })

  test('a migration in Go is there and says that it cannot run, other code is none', () => {
    const files = { '1_a.sql': up, '2_b.go': '', '2_b_test.go': '', 'helpers.go': '', '0_c.go': '' }
    const { migrations, problems } = withFolder(files, (folder) => goose.list(folder, 'migrations'))
    expect(problems).toEqual([])
    expect(migrations.map(({ name, cannotRun }) => [name, cannotRun?.what])).toEqual([
      ['1_a', undefined],
      ['2_b', 'migrations/2_b.go is a migration in Go, which cannot be run here'],
    ])
  })

  test.each(['schema.sql', '0_a.sql', '1.sql', '1a_b.sql', '9223372036854775808_a.sql'])(
    '%s is refused when it is meant as a migration, else passed over and told',
    (name) => {
      const what = expect.stringContaining(`migrations/${name} does not begin with a number above zero and _`)
      expect(list({ '1_a.sql': up, [name]: up })).toEqual({ names: ['1_a'], problems: [what], notices: [] })
      expect(list({ '1_a.sql': up, [name]: 'x' })).toEqual({ names: ['1_a'], problems: [], notices: [what] })
    },
  )
})

describe('parts', () => {
  test('both directions, each line where it is in the file', () => {
    const { up: found, down, outside, downOutside, problems } = parts(users)
    expect(problems).toEqual([])
    expect([outside, downOutside]).toEqual([false, false])
    expect(found).toBe(users.slice(0, users.indexOf('-- +goose Down')))
    const place = users.split('\n').indexOf('drop function f();')
    expect(down!.split('\n').indexOf('drop function f();')).toBe(place)
    expect(down!.trim()).toBe('drop function f();\ndrop table users;')
  })

  test('NO TRANSACTION counts for both directions, wherever it stands', () => {
    expect(parts(index)).toMatchObject({ outside: true, downOutside: true, problems: [] })
    expect(parts(`${up}-- +goose Down\n-- +goose NO TRANSACTION\nselect 2;\n`)).toMatchObject({
      outside: true,
      downOutside: true,
    })
  })

  test('without Down there is none; one that is empty takes back nothing', () => {
    expect(parts(up)).toMatchObject({ up, down: null, problems: [] })
    expect(parts(`${up}-- +goose Down\n`).down).toMatch(/^\n+$/)
  })

  test.each(['--+goose Up', '-- +goose UP', '--   +goose    up  ', '-- +goose Up --'])('%j begins the up', (line) => {
    expect(refused(`-- a comment\n\n${line}\nselect 1;\n`)).toEqual([])
  })

  test('what goose refuses in the down alone does not stop the up', () => {
    expect(parts(`${up}-- +goose Down\nselect 2\n`)).toMatchObject({ problems: [], down: '\n\n\nselect 2\n' })
  })
})

describe('what the tool refuses', () => {
  test.each([
    ['no annotation', 'select 1;\n', '1: a statement stands before "-- +goose Up"'],
    ['nothing but comments', '-- a\n\n', '1: there is no "-- +goose Up"'],
    ['a statement before Up', '-- a\nselect 1;\n-- +goose Up\n', '2: a statement stands before "-- +goose Up"'],
    ['Down first', '-- +goose Down\n-- +goose Up\n', '1: "-- +goose Down" does not follow a complete "-- +goose Up"'],
    ['two Ups', `${up}-- +goose Up\n`, '3: "-- +goose Up" stands here a second time, or behind Down'],
    ['an unknown annotation', `${up}-- +goose Sideways\n`, '3: goose does not know "-- +goose Sideways"'],
    ['words behind one', '-- +goose Up first\n-- +goose Up\n', '1: goose does not know "-- +goose Up first"'],
    ['two in a line', `${up}-- +goose Down +goose Up\n`, '3: goose does not know "-- +goose Down +goose Up"'],
    ['an empty one', `${up}-- +goose\n`, '3: goose does not know "-- +goose"'],
    ['a blank in front', `${up}  -- +goose Down\n`, '3: a line of goose must begin at the first column'],
    ['no semicolon', '-- +goose Up\nselect 1;\nselect\n2\n', '3: the statement does not end in a semicolon'],
    [
      'none before Down',
      '-- +goose Up\nselect 1 -- ;\n-- +goose Down\n',
      '2: the statement does not end in a semicolon',
    ],
    ['one inside a line', '-- +goose Up\nselect 1; select 2\n', '2: the statement does not end in a semicolon'],
    ['a block without an end', `${up}-- +goose StatementBegin\nselect 2;\n`, '"-- +goose StatementEnd" is missing'],
    ['an end without a block', `${up}-- +goose StatementEnd\n`, '3: "-- +goose StatementEnd" has no StatementBegin'],
    ['a block before Up', '-- +goose StatementBegin\n-- +goose Up\n', '1: "-- +goose StatementBegin" stands before Up'],
    [
      'Down in a block',
      `${up}-- +goose StatementBegin\n-- +goose Down\n-- +goose StatementEnd\n`,
      '4: "-- +goose Down"',
    ],
  ])('%s', (_, text, what) => {
    expect(refused(text)).toEqual([expect.stringContaining(what)])
  })

  test.each(['select 1; -- comment', 'select 1   ;', 'select 1;;', "select '--';"])('%j ends a statement', (line) => {
    expect(refused(`-- +goose Up\n${line}\n`)).toEqual([])
  })

  // The semicolon belongs to the last word, which "1;--" ends otherwise.
  test.each(['select 1;-- comment', 'select 1 -- ;', 'select 1; /* comment */'])('%j does not', (line) => {
    expect(refused(`-- +goose Up\n${line}\n`)).toEqual([expect.stringContaining('2: the statement does not end')])
  })

  test('in a block a semicolon is not needed', () => {
    expect(refused('-- +goose Up\n-- +goose StatementBegin\nselect 1\n-- +goose StatementEnd\n')).toEqual([])
  })
})

describe('substitution of the environment', () => {
  const within = (line: string) => `-- +goose ENVSUB ON\n-- +goose Up\n${line}\n-- +goose envsub off\nselect '$x';\n`

  test.each(['select ${X};', "select '${X:-1}';", "select '$X';", 'do $$ begin end $$;', "select E'\\$';"])(
    '%s is refused',
    (line) => {
      expect(refused(within(line))).toEqual(['3: the environment is not substituted here (-- +goose ENVSUB ON)'])
    },
  )

  test.each(['select 1;', "select '$(x)';", '-- ${X}'])('%s runs as it is', (line) => {
    expect(refused(within(line))).toEqual([])
  })

  test('only where it is on', () => {
    expect(refused("-- +goose Up\nselect '${X}';\n")).toEqual([])
  })

  test('a down that needs it is not known, and does not stop the up', () => {
    const text = `${up}-- +goose ENVSUB ON\n-- +goose Down\ndrop table \${X}users;\n`
    expect(parts(text)).toMatchObject({ down: null, problems: [] })
  })
})

test('a folder is recognised by any of its spellings', () => {
  const isGoose = (text: string) => withFolder({ '1_a.sql': text }, goose.detect)
  expect(['--+goose up', '-- +goose NO TRANSACTION', '  -- +goose Up'].map(isGoose)).toEqual([true, true, true])
  expect(['-- +migrate Up', "select '+goose';"].map(isGoose)).toEqual([false, false])
})

test('a block that ends without a semicolon ends all the same, and what follows is another statement', () => {
  const text = '-- +goose Up\n-- +goose StatementBegin\nselect 1\n-- +goose StatementEnd\nselect 2;\n'
  const [migration] = withFolder({ '1_a.sql': text }, (folder) => goose.list(folder, 'm').migrations)
  expect(migration!.parts!(text)).toMatchObject({
    up: '-- +goose Up\n-- +goose StatementBegin\nselect 1\n;\nselect 2;\n',
    problems: [],
  })
})
