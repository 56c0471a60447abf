import { describe, expect, test } from 'vitest'
import { tern } from '../../../../src/folder/layouts/tern.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

const users = `-- Users come first.
create table users (
  id int primary key
);

---- create above / drop below ----

drop table users;
`
const index = `---- tern: disable-tx ----
create index concurrently users_id on users (id);
`

describeLayout(tern, {
  files: { '001_users.sql': users, '002_index.sql': index, '3_more.sql': 'select 1;\n' },
  names: ['001_users', '002_index', '3_more'],
  keys: ['1', '2', '3'],
  stranger: ['shared/v1_001.sql', 'create view v as select 1;\n'],
})

function list(...names: string[]) {
  return withFolder(Object.fromEntries(names.map((name) => [name, users])), (folder) => {
    const { migrations, problems, notices = [] } = tern.list(folder, 'migrations')
    return {
      names: migrations.map(({ name }) => name),
      problems: problems.map(({ what }) => what),
      notices: notices.map(({ what }) => what),
    }
  })
}

function parts(text: string) {
  return withFolder({ '1_a.sql': text }, (folder) => tern.list(folder, '').migrations[0]!.parts!(text))
}

/** Line and message of each problem. */
function refused(text: string) {
  return parts(text).problems.map(({ line, what }) => `${line}: ${what}`)
}

describe('numbers', () => {
  test('the order is theirs, whatever their zeros', () => {
    const names = ['10_a', '1_a', '02_a', '3_a', '4_a', '5_a', '6_a', '7_a', '8_a', '9_a']
    const found = list(...names.map((name) => `${name}.sql`))
    expect(found).toEqual({
      names: ['1_a', '02_a', '3_a', '4_a', '5_a', '6_a', '7_a', '8_a', '9_a', '10_a'],
      problems: [],
      notices: [],
    })
  })

  test.each([
    [['1_a.sql', '3_c.sql'], 'number 2 is missing before migrations/3_c.sql'],
    [['2_a.sql'], 'number 1 is missing before migrations/2_a.sql'],
    [['1_a.sql', '20240101000000_b.sql'], 'numbers 2 to 20240100999999 are missing before migrations/20240101000000_b.sql'], // prettier-ignore
    [['1_a.sql', '01_b.sql'], '2 files have the number 1: migrations/01_b.sql and migrations/1_a.sql'],
    [['0_a.sql', '1_b.sql'], 'migrations/0_a.sql has the number 0'],
  ])('%j is refused', (names, what) => {
    expect(list(...names).problems).toEqual([what])
  })

  test.each(['should_be_ignored.sql', '2.sql', '2_.sql', '2-b.sql'])('%s is passed over, and that is told', (name) => {
    const { names, problems, notices } = list('1_a.sql', name)
    expect([names, problems]).toEqual([['1_a'], []])
    expect(notices).toEqual([expect.stringContaining(`migrations/${name} is not named like a migration`)])
  })
})

describe('parts', () => {
  test('both directions, each line where it is in the file', () => {
    expect(parts(users)).toEqual({
      up: users.slice(0, users.indexOf('----')),
      down: '\n\n\n\n\n\n\ndrop table users;\n',
      outside: false,
      downOutside: false,
      problems: [],
    })
  })

  test.each(['select 1;\n', 'select 1;\n---- create above / drop below ----\n \n'])(
    '%j cannot be taken back',
    (text) => {
      expect(parts(text)).toMatchObject({ down: null, problems: [] })
    },
  )

  test('the first separator counts, wherever it stands in its line', () => {
    const separator = '---- create above / drop below ----'
    expect(parts(`select 1; ${separator} select 2;\n${separator}\nselect 3;\n`)).toMatchObject({
      up: 'select 1; ',
      down: ` select 2;\n${separator}\nselect 3;\n`,
    })
  })

  test('disable-tx counts for the direction in which it stands, alone in its line', () => {
    const below = (line: string) => parts(`select 1;\n---- create above / drop below ----\n${line}\nselect 2;\n`)
    expect(parts(index)).toMatchObject({ outside: true, downOutside: false })
    expect(below('---- tern: disable-tx ----')).toMatchObject({ outside: false, downOutside: true })
    expect(below('---- tern: disable-tx ---- ')).toMatchObject({ downOutside: false })
    expect(parts('select 1;\n-- ---- tern: disable-tx ----\n')).toMatchObject({ outside: false })
  })
})

describe('what the tool refuses', () => {
  const none = 'there is no SQL above "---- create above / drop below ----"'
  test.each(['', '-- a\n\n  -- b\n', '\n---- create above / drop below ----\nselect 1;\n'])('no SQL: %j', (text) => {
    expect(refused(text)).toEqual([`1: ${none}`])
  })
})

describe('Go templates', () => {
  test.each([
    ['create table {{.prefix}}_bar(id serial);\n', 1],
    ['-- {{.a}}\n/* {{.b}} */\n{{ template "shared/v1_001.sql" . }}\n', 3],
    ["select 1,\n  '-- {{.x}}';\n", 2],
    ['do $$\nbegin\n  perform {{.x}};\nend $$;\n', 1 + 2],
  ])('%j cannot be run', (text, line) => {
    expect(refused(text)).toEqual([`${line}: a Go template ({{) cannot be run here`])
  })

  test.each(['-- {{.a}}\nselect 1;\n', 'select 1 /* {{ }} */;\n', "select '{ {1} }';\n"])('%j is none', (text) => {
    expect(refused(text)).toEqual([])
  })

  test('a down that is one is not known, and does not stop the up', () => {
    const text = 'select 1;\n---- create above / drop below ----\ndrop table {{.prefix}}_bar;\n'
    expect(parts(text)).toMatchObject({ down: null, problems: [] })
  })
})

test('a folder is recognised by a line of tern, or by its configuration', () => {
  const plain = { '1_a.sql': 'select 1;\n' }
  expect(withFolder({ '1_a.sql': users }, tern.detect)).toBe(true)
  expect(withFolder({ '1_a.sql': index }, tern.detect)).toBe(true)
  expect(withFolder({ ...plain, 'tern.conf': '[database]\n' }, tern.detect)).toBe(true)
  expect(withFolder(plain, tern.detect)).toBe(false)
  expect(withFolder({ 'a.sql': 'select 1;\n', 'tern.conf': '[database]\n' }, tern.detect)).toBe(false)
})
