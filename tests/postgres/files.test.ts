import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const users = 'create table users (id int);\ncreate function two() returns text language sql as $$\n  select 2\n$$;\n'

async function checksums(db: Database) {
  return db.query<{ name: string; checksum: string }>('select name, checksum from upfront.history order by id')
}

test('a byte order mark and CRLF change neither the checksum nor what Postgres gets', async ({ db }) => {
  db.files({ '001_users.sql': `\ufeff${users.replaceAll('\n', '\r\n')}` })
  expect((await db.up()).exitCode).toBe(0)
  const [recorded] = await checksums(db)
  expect(await db.query(`select prosrc from pg_proc where proname = 'two'`)).toEqual([{ prosrc: '\n  select 2\n' }])

  db.files({ '001_users.sql': users })
  const { exitCode, stderr } = await db.up()

  expect(exitCode).toBe(0)
  expect(stderr).toContain('up to date')
  expect(await checksums(db)).toEqual([recorded])
})

test('any other change of the bytes is a change: white space may be inside a string', async ({ db }) => {
  db.files({ '001_users.sql': users })
  await db.up()
  db.files({ '001_users.sql': `${users}\n` })
  expect((await db.up()).exitCode).toBe(21)
})

const contents: readonly [string, string | Buffer][] = [
  ['an empty file', ''],
  ['a file of white space', ' \n\t\n'],
  ['a file of a comment', '-- nothing yet'],
  ['a file of a block comment without a newline at its end', '/* nothing\n yet */'],
  ['a file that is a byte order mark', Buffer.from([0xef, 0xbb, 0xbf])],
  ['a file of semicolons', ';;\n;'],
  ['a file that ends in a comment without a newline', 'create table t (id int) -- the end'],
  ['a file that begins with -- and a quote', `-- it's\nselect $$--$$`],
]

test.for(contents)('%s is applied and recorded', async ([, content], { db }) => {
  db.files({ '001_odd.sql': content, '002_after.sql': 'create table after_odd (id int)' })

  const { exitCode, applied, stderr } = await db.up()

  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['001_odd', '002_after'])
  expect(await db.history()).toEqual(['migration 001_odd applied', 'migration 002_after applied'])
  expect((await db.up()).stderr).toContain('up to date     2 migrations')
})

test('README and dot files, folders and files of other kinds are not migrations', async ({ db }) => {
  db.files({
    '001_users.sql': users,
    'README.md': 'not SQL',
    'README.sql': 'not SQL either',
    'readme.txt': '',
    '.hidden.sql': 'not SQL',
    '.DS_Store': '\0\0',
    '._001_users.sql': '\0\0\0',
    'notes.txt': '',
    'schema.prisma': '',
    'old/001_old.sql': 'not SQL',
    'types.d.ts': '',
  })
  fs.mkdirSync(join(db.migrationsDir, '002_folder.sql'))

  const { exitCode, applied } = await db.up()

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['001_users'])
})

test('a mounted ConfigMap, which is made of links, works', async ({ db }) => {
  db.files({ '..2025_10_25_14_30_00.123456789/001_users.sql': users, '..2025_10_25_14_30_00.123456789/002_b.sql': '' })
  fs.symlinkSync('..2025_10_25_14_30_00.123456789', join(db.migrationsDir, '..data'))
  for (const name of ['001_users.sql', '002_b.sql']) fs.symlinkSync(`..data/${name}`, join(db.migrationsDir, name))

  expect((await db.up()).applied).toEqual(['001_users', '002_b'])

  // A new version of the ConfigMap is another folder behind the same links.
  fs.cpSync(join(db.migrationsDir, '..2025_10_25_14_30_00.123456789'), join(db.migrationsDir, '..2026'), {
    recursive: true,
  })
  fs.rmSync(join(db.migrationsDir, '..data'))
  fs.symlinkSync('..2026', join(db.migrationsDir, '..data'))
  expect((await db.up()).stderr).toContain('up to date     2 migrations')
})

test('names may be of any script, and a quote in them is only a quote', async ({ db }) => {
  const names = [`001_o'hara`, '002_überblick', '003_表', '004_a b "c" $1 %s \\', '005_up']
  db.files(Object.fromEntries(names.map((name) => [`${name}.sql`, ''])))
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(names)
  expect((await checksums(db)).map(({ name }) => name)).toEqual(names)
  expect((await db.up()).stderr).toContain('up to date')
})

test('the folder is found from the working directory, and a flag beats the environment', async ({ db }) => {
  db.files({ '001_users.sql': users })
  expect((await db.up([], { UPFRONT_MIGRATIONS_DIR: 'migrations' })).exitCode).toBe(0)
  expect((await db.up(['--migrations-dir', 'migrations'], { UPFRONT_MIGRATIONS_DIR: '/nowhere' })).exitCode).toBe(0)
})

test('a large file is applied', async ({ db }) => {
  const rows = Array.from({ length: 40_000 }, (_, id) => `insert into big values (${id}, '${'é'.repeat(40)}');`)
  db.files({ '001_big.sql': `create table big (id int, text text);\n${rows.join('\n')}\n` })
  const { exitCode } = await db.up()
  expect(exitCode).toBe(0)
  expect(await db.query('select count(*)::int as n from big')).toEqual([{ n: 40_000 }])
})
