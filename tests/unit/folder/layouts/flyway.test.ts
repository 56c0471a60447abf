import { describe, expect, test } from 'vitest'
import { flyway } from '../../../../src/folder/layouts/flyway.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

describeLayout(flyway, {
  files: {
    'V1__create_users.sql': 'create table users (id int primary key);\n',
    'V1.2__add_email.sql': 'alter table users add email text;\n',
    '2024/V1_10__orders.SQL': 'create table orders (\n  id int\n);\n',
    'U1.2__add_email.sql': 'alter table users drop email;\n',
    'R__active_users.sql': 'create or replace view active_users as select * from users;\n',
  },
  names: ['V1__create_users', 'V1.2__add_email', '2024/V1_10__orders'],
  keys: ['1', '1.2', '1.10'],
  stranger: ['v3__small_letter.sql', 'select 1;\n'],
})

const list = (files: Record<string, string>) => withFolder(files, (folder) => flyway.list(folder, 'migrations'))

const names = (...files: string[]) => {
  const { migrations, problems, notices } = list(Object.fromEntries(files.map((file) => [file, 'select 1;\n'])))
  return {
    migrations: migrations.map(({ name }) => name),
    keys: migrations.map(({ origin }) => origin!(Buffer.from('')).key),
    problems: problems.map(({ what }) => what),
    notices: notices!.map(({ what }) => what),
  }
}

test.each(['V1__a.sql', 'below/deeper/V1__a.sql', 'R__a.sql', 'V2024.10_3__a.sql', 'V1__a.SQL'])(
  'a folder with %s is recognised',
  (file) => expect(withFolder({ [file]: '' }, flyway.detect)).toBe(true),
)

test.each(['Version.sql', 'V__a.sql', 'v1__a.sql', 'R1__a.sql', 'Va__b.sql', '1__a.sql', 'V1__a.txt'])(
  'a folder with %s alone is not',
  (file) => expect(withFolder({ [file]: '' }, flyway.detect)).toBe(false),
)

describe('versions', () => {
  test('are compared as numbers, whatever is between them', () => {
    expect(names('V10__a.sql', 'V9__b.sql', 'V9_1__c.sql', 'V9.0.5__d.sql', 'V99999999999999999999__e.sql')).toEqual({
      migrations: ['V9__b', 'V9.0.5__d', 'V9_1__c', 'V10__a', 'V99999999999999999999__e'],
      keys: ['9', '9.0.5', '9.1', '10', '99999999999999999999'],
      problems: [],
      notices: [],
    })
  })

  test('have no zeros in front and behind', () => {
    expect(names('V001.0__a.sql', 'V0.0__b.sql', 'V1.0.1__c.sql').keys).toEqual(['0', '1', '1.0.1'])
  })

  test.each([
    ['V1__a.sql', 'V1.0__b.sql', '1'],
    ['V1.1__a.sql', 'V01_1__b.sql', '1.1'],
    ['V2__a.sql', 'z/V2__a.sql', '2'],
  ])('%s and %s are one', (one, other, version) => {
    expect(names(one, other).problems).toHaveLength(1)
    expect(names(one, other).problems[0]).toContain(`two files have the version ${version}`)
  })

  test('need no description', () => expect(names('V1.sql').migrations).toEqual(['V1']))

  test('end at the first two underscores', () => {
    expect(names('V1_2___a__b.sql')).toMatchObject({ migrations: ['V1_2___a__b'], keys: ['1.2'] })
  })
})

test('what flyway passes over is told', () => {
  expect(names('V1__a.sql', 'Vx__a.sql', 'V1.__a.sql', 'notes.sql', 'V3__a.txt')).toEqual({
    migrations: ['V1__a'],
    keys: ['1'],
    problems: [],
    notices: ['V1.__a.sql', 'Vx__a.sql', 'notes.sql'].map(
      (file) => `migrations/${file} is not named as flyway names files: it is passed over, as by flyway`,
    ),
  })
})

describe('the checksum', () => {
  const hashes = (text: string) => list({ 'V1__a.sql': text }).migrations[0]!.origin!(Buffer.from(text)).hashes

  test('is the signed CRC-32 of the lines', () => {
    // The check value of CRC-32 is 0xcbf43926, whose first bit makes it negative.
    expect(hashes('123456789')).toEqual(['-873187034'])
    expect(hashes('\ufeff123\r\n456\r789\n')).toEqual(['-873187034'])
  })

  test('is of bytes', () => expect(hashes('é\n')).not.toEqual(hashes('e\n')))
})

test('U is the down of its version, and a second one is refused', () => {
  const { migrations, problems } = list({ 'V1__a.sql': '', 'V2__b.sql': '', 'down/U1.0__x.sql': '', 'U3__y.sql': '' })
  expect(migrations.map(({ downFile }) => downFile)).toEqual(['down/U1.0__x.sql', null])
  expect(problems).toEqual([])
  expect(names('V1__a.sql', 'U1__a.sql', 'U1.0__b.sql').problems).toEqual([
    'two files have the undo version 1: migrations/U1.0__b.sql and migrations/U1__a.sql',
  ])
})

test('what is repeatable is in the order of its descriptions', () => {
  const { repeatable, migrations, problems } = list({
    'V1__a.sql': '',
    'x/R__b_view.sql': 'select 2;',
    'y/R__a_view.sql': 'select 1;',
  })
  expect(problems).toEqual([])
  expect(migrations).toHaveLength(1)
  expect(repeatable!.map(({ name, origin }) => [name, origin!(Buffer.from('')).key])).toEqual([
    ['y/R__a_view', 'a view'],
    ['x/R__b_view', 'b view'],
  ])
  expect(names('V1__a.sql', 'x/R__a.sql', 'y/R__a.sql').problems).toEqual([
    'two files have the description a: migrations/x/R__a.sql and migrations/y/R__a.sql',
  ])
})

describe('what Upfront cannot run', () => {
  test.each(['beforeMigrate.sql', 'afterMigrate__grants.sql', 'x/afterEachMigrate.SQL', 'createSchema.sql'])(
    'the callback %s is refused',
    (file) => {
      expect(names('V1__a.sql', file).problems).toEqual([expect.stringContaining(`migrations/${file} is a callback`)])
    },
  )

  test.each(['beforeClean.sql', 'afterUndo__x.sql', 'afterInfo.sql'])('%s is of another command', (file) => {
    expect(names('V1__a.sql', file)).toMatchObject({ problems: [], notices: [expect.stringContaining(file)] })
  })

  test.each(['V2__a.java', 'V2__a.sh', 'R__a.py'])('%s is refused', (file) => {
    expect(names('V1__a.sql', file).problems).toEqual([expect.stringContaining(`migrations/${file}`)])
  })

  test('a baseline migration is passed over where the versions are that it stands for', () => {
    expect(names('V1__a.sql', 'B1__base.sql')).toMatchObject({ problems: [], notices: [expect.stringContaining('B1')] })
    expect(names('B1__base.sql').problems).toEqual([expect.stringContaining('migrations/B1__base.sql')])
    expect(names('B1__base.sql', 'V2__b.sql').problems).toHaveLength(1)
  })
})

describe('the file beside a migration', () => {
  const withConfig = (config: string, text = 'select 1;\n') => list({ 'V1__a.sql': text, 'V1__a.sql.conf': config })

  test('executeInTransaction=false', () => {
    expect(withConfig('# why\nexecuteInTransaction = false\r\n').migrations).toMatchObject([{ outside: true }])
    expect(withConfig('executeInTransaction=true').migrations[0]).not.toHaveProperty('outside')
  })

  test('shouldExecute=false', () => {
    const { migrations, notices, problems } = withConfig('shouldExecute=FALSE')
    expect([migrations, problems]).toEqual([[], []])
    expect(notices).toEqual([{ what: expect.stringContaining('migrations/V1__a.sql has shouldExecute=false') }])
  })

  test.each(['shouldExecute=${env}==prod', 'executeInTransaction=no', 'unknown=true', 'encoding=ISO-8859-1'])(
    '%s is refused',
    (line) => expect(withConfig(line).problems).toHaveLength(1),
  )

  test('encoding=UTF-8 says nothing new', () => expect(withConfig('encoding=UTF-8').problems).toEqual([]))

  test('placeholderReplacement=false leaves the text as it is', () => {
    const text = 'select 1;\nselect ${x};\n'
    const [plain] = list({ 'V1__a.sql': text }).migrations
    expect(plain!.parts!(text)).toMatchObject({
      up: text,
      down: null,
      outside: false,
      problems: [{ line: 2, what: 'the placeholder ${x} has no value' }],
    })
    expect(withConfig('placeholderReplacement=false', text).migrations[0]).not.toHaveProperty('parts')
  })
})
