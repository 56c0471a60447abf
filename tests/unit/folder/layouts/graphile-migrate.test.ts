import { describe, expect, test } from 'vitest'
import { viewFolder } from '../../../../src/folder/layouts/folder-view.ts'
import { graphileMigrate } from '../../../../src/folder/layouts/graphile-migrate.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

// Written by graphile-migrate 1.4.1.
const first = `--! Previous: -
--! Hash: sha1:d749aff81a2cb5eee4e4223f6b2800b038d96545

create table users (id int primary key);
`
const second = `--! Previous: sha1:d749aff81a2cb5eee4e4223f6b2800b038d96545
--! Hash: sha1:86ed0a1c485f6f5b878ebda1c3fe03413434f2fb
--! Message: add index

--! no-transaction
create index concurrently users_id
  on users (id);
`
const third = `--! Previous: sha1:86ed0a1c485f6f5b878ebda1c3fe03413434f2fb
--! Hash: sha1:f55ed2dddc35eb9b8eb630f10e2580b75d46879c

comment on table users is 'the é of ones';


select 1;
`
const files = {
  'committed/000001.sql': first,
  'committed/000002-add-index.sql': second,
  'committed/000003.sql': third,
}

describeLayout(graphileMigrate, {
  files: { ...files, 'current.sql': '-- Enter migration here\n' },
  names: ['000001', '000002-add-index', '000003'],
  keys: ['000001.sql', '000002.sql', '000003.sql'],
  stranger: ['committed/README.sql', 'select 1;\n'],
})

const read = (changed: Record<string, string>, below = '') =>
  withFolder({ ...files, ...changed }, ({ dir }) => {
    const folder = viewFolder(`${dir}/${below}`)
    const { migrations, problems, notices } = graphileMigrate.list(folder, 'migrations')
    return {
      migrations,
      problems: problems.map(({ what }) => what),
      notices: notices!.map(({ what }) => what),
      parts: migrations.map(({ file, parts }) => parts!(folder.read(file)!)),
    }
  })

test('the folder may be that of the committed files itself', () => {
  const { migrations, problems } = read({}, 'committed')
  expect(problems).toEqual([])
  expect(migrations.map(({ file }) => file)).toEqual(['000001.sql', '000002-add-index.sql', '000003.sql'])
  expect(withFolder(files, ({ dir }) => graphileMigrate.detect(viewFolder(`${dir}/committed`)))).toBe(true)
})

test('what the tool has written runs as it says', () => {
  const { parts, problems, notices } = read({})
  expect([problems, notices]).toEqual([[], []])
  expect(parts).toEqual(
    [first, second, third].map((up) => ({ up, identity: up, down: null, outside: up === second, problems: [] })),
  )
})

test('the history has the hash of the header', () => {
  const [migration] = read({}).migrations
  expect(migration!.origin!(Buffer.from(first)).hashes).toEqual(['sha1:d749aff81a2cb5eee4e4223f6b2800b038d96545'])
  const allowed = first.replace(/d749\w+/, 'abc\n--! AllowInvalidHash')
  expect(migration!.origin!(Buffer.from(allowed)).hashes).toEqual(['sha1:abc'])
})

describe('what the tool refuses', () => {
  test('an edited file, when it is to run', () => {
    const { problems, parts } = read({ 'committed/000002-add-index.sql': second.replace('users_id', 'users_ix') })
    expect(problems).toEqual([])
    expect(parts[1]!.problems).toMatchObject([
      { line: 2, what: expect.stringMatching(/is sha1:\w+, not sha1:86ed0a1c/) },
    ])
  })

  test('but not where the header allows it; and a valid hash that it allows', () => {
    const allow = (text: string) => text.replace('\n\n', '\n--! AllowInvalidHash\n\n')
    const edited = read({ 'committed/000003.sql': allow(third).replace('select 1', 'select 2') })
    expect(edited.parts[2]!.problems).toEqual([])
    const valid = read({ 'committed/000003.sql': allow(third) })
    expect(valid.parts[2]!.problems).toMatchObject([{ what: expect.stringContaining('AllowInvalidHash') }])
  })

  test('a file that is missing in the middle, or at the beginning', () => {
    const without = (file: string) =>
      withFolder(Object.fromEntries(Object.entries(files).filter(([path]) => path !== file)), (folder) =>
        graphileMigrate.list(folder, 'migrations').problems.map(({ what }) => what),
      )
    expect(without('committed/000002-add-index.sql')).toEqual([
      'migrations/committed/000003.sql follows sha1:86ed0a1c485f6f5b878ebda1c3fe03413434f2fb, but migrations/committed/000001.sql is sha1:d749aff81a2cb5eee4e4223f6b2800b038d96545',
    ])
    expect(without('committed/000001.sql')).toEqual([expect.stringContaining('but no file is before it')])
    expect(without('committed/000003.sql')).toEqual([])
  })

  test('two files of one number', () => {
    expect(read({ 'committed/000003-again.sql': third }).problems).toHaveLength(1)
  })

  test.each([
    ['has no header "--! Hash:"', third.replace(/--! Hash.*\n/, '')],
    ['has no header "--! Previous:"', third.replace(/--! Previous.*\n/, '')],
    ['has no blank line after its headers', third.replace('\n\n', '\n')],
    ['has the header Hash twice', third.replace(/(--! Hash.*\n)/, '$1$1')],
  ])('a file that %s', (what, text) => {
    expect(read({ 'committed/000003.sql': text }).problems).toEqual([`migrations/committed/000003.sql ${what}`])
  })
})

describe('placeholders', () => {
  const withSettings = (body: string) =>
    read(
      {
        '.gmrc': '{ // ":OLD": "x"\n  "placeholders": { ":APP_USER": "!ENV" },\n  // ":OLD": "x",\n}',
        'm/committed/000001.sql': `--! Previous: -\n--! Hash: x\n--! AllowInvalidHash\n\n\n${body}`,
      },
      'm',
    ).parts[0]!.problems

  test.each([
    ['select 1;\ngrant select on t to :APP_USER;\n', 7, ':APP_USER'],
    ['alter database :DATABASE_NAME set timezone to utc;\n', 6, ':DATABASE_NAME'],
    ["select ':DATABASE_OWNER';\n", 6, ':DATABASE_OWNER'],
  ])('%j is refused', (body, line, name) => {
    expect(withSettings(body)).toMatchObject([{ line, what: `the placeholder ${name} has no value` }])
  })

  test.each(['select a[1:N], x::APP;\n', '-- :APP_USER\nselect 1;\n', 'select :APP_USERS, :OLD;\n'])(
    '%j has none',
    (body) => expect(withSettings(body)).toEqual([]),
  )
})

test('a placeholder with a value is replaced everywhere, and the migration is known by what it was before', () => {
  const text = `--! Previous: -\n--! Hash: x\n--! AllowInvalidHash\n\nselect ':DATABASE_OWNER', :DATABASE_OWNERS; -- :DATABASE_OWNER\n`
  const found = withFolder({ 'committed/000001.sql': text }, ({ dir }) => {
    const folder = viewFolder(dir, { DATABASE_OWNER: 'me' })
    return graphileMigrate.list(folder, 'm').migrations[0]!.parts!(text)
  })
  expect(found).toMatchObject({ identity: text, problems: [] })
  expect(found.up).toContain("select 'me', :DATABASE_OWNERS; -- me\n")
})

test('what is not committed is told', () => {
  const { notices } = read({
    'current.sql': '/* later */\ndrop table users;\n',
    'current/001-a.sql': 'select 1;\n',
    'current/002-b.sql': '-- nothing\n',
  })
  expect(notices).toEqual(
    ['current.sql', 'current/001-a.sql'].map((file) => `migrations/${file} is not committed: it is passed over`),
  )
})
