import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { drizzle } from '../../../../src/folder/layouts/drizzle.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

function journal(...tags: readonly (readonly [tag: string, when: number])[]): string {
  const entries = tags.map(([tag, when], idx) => ({ idx, version: '7', when, tag, breakpoints: true }))
  return JSON.stringify({ version: '7', dialect: 'postgresql', entries })
}

describe('with a journal (up to 0.45)', () => {
  const users = 'CREATE TABLE "users" ("id" serial);\n--> statement-breakpoint\nCREATE INDEX "i" ON "users" ("id");\n'
  const files = {
    'meta/_journal.json': journal(['0000_lazy_cat', 1700000000000], ['0001_bold_dog', 1700000500000]),
    'meta/0000_snapshot.json': '{}',
    '0000_lazy_cat.sql': users,
    '0001_bold_dog.sql': 'ALTER TABLE "users" ADD COLUMN "name" text;\n',
  }
  describeLayout(drizzle, {
    files,
    names: ['0000_lazy_cat', '0001_bold_dog'],
    keys: ['1700000000000', '1700000500000'],
    stranger: ['seed.sql', 'insert into users default values;'],
  })

  const list = (more: Readonly<Record<string, string>>) => withFolder(more, (folder) => drizzle.list(folder, 'drizzle'))

  test('they run in the order of the journal, whatever their names and times are', () => {
    const turned = journal(['0001_bold_dog', 1700000500000], ['0000_lazy_cat', 1700000000000])
    const { migrations } = list({ ...files, 'meta/_journal.json': turned })
    expect(migrations.map(({ name }) => name)).toEqual(['0001_bold_dog', '0000_lazy_cat'])
  })

  test('a file that the journal does not name is passed over, and told', () => {
    const { notices } = list({ ...files, '0002_by_hand.sql': 'select 1;' })
    expect(notices!.map(({ what }) => what)).toEqual([
      'drizzle/0002_by_hand.sql is not in drizzle/meta/_journal.json, so drizzle passes it over, and so does upfront',
    ])
  })

  test('an entry without a file, or named twice, is a problem', () => {
    const { problems } = list({
      ...files,
      'meta/_journal.json': journal(['0000_lazy_cat', 1], ['0000_lazy_cat', 2], ['0009_gone', 3]),
    })
    expect(problems.map(({ what }) => what)).toEqual([
      'drizzle/meta/_journal.json names 0009_gone, and there is no drizzle/0009_gone.sql',
      'drizzle/meta/_journal.json names 0000_lazy_cat twice',
    ])
  })

  test.each(['', '[]', '{"entries":[{"tag":"../x","when":1}]}', '{"entries":[{"tag":"0000_a"}]}'])(
    'a journal that is none is a problem and never an empty folder: %s',
    (text) => {
      const { problems } = list({ ...files, 'meta/_journal.json': text })
      expect(problems.map(({ what }) => what)).toEqual(['drizzle/meta/_journal.json is no journal of drizzle-kit'])
    },
  )

  test('the hash is that of the text, as it is and with the other line ends', () => {
    const [first] = list(files).migrations
    expect(first!.origin!(Buffer.from(users)).hashes).toEqual([sha256(users), sha256(users.replaceAll('\n', '\r\n'))])
  })
})

describe('with a folder for each migration (1.0)', () => {
  const files = {
    '20240101000000_first/migration.sql': 'CREATE TABLE "a" ("id" int);\n',
    '20240101000000_first/snapshot.json': '{}',
    '20240101000000_second/migration.sql': 'CREATE TABLE "b" ("id" int);\n',
    // Written by hand, so without a snapshot.
    '20240102000000_third/migration.sql': 'CREATE TABLE "c" ("id" int);\n',
  }
  const names = ['20240101000000_first', '20240101000000_second', '20240102000000_third']
  describeLayout(drizzle, { files, names, keys: names, stranger: ['notes/README.md', '# About'] })

  test('a file beside the folders would never run, and is a problem', () => {
    const { problems } = withFolder({ ...files, '0003_old.sql': 'select 1' }, (folder) => drizzle.list(folder, 'd'))
    expect(problems.map(({ what }) => what)).toEqual([
      'd/0003_old.sql is not in a folder of its own, so drizzle would never run it',
    ])
  })
})
