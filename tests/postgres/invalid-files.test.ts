import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, type Files, test } from '../support/database.ts'
import { startListener } from '../support/proxy.ts'

/** Runs up on files of which the names are wrong, or the bytes, at a server that must not hear of it. */
async function refuse(db: Database, files: Files | null, env: Record<string, string> = {}) {
  await using listener = await startListener()
  if (files !== null) db.files(files)
  const UPFRONT_DATABASE_URL = db.urlOf({ port: listener.port })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL, UPFRONT_WAIT_TIMEOUT: '300ms', ...env })
  expect(listener.accepted()).toBe(0)
  return refused(exitCode, stderr)
}

/** The same of files whose SQL is wrong: found before the first of them runs, and nothing of ours is made either. */
async function refuseSql(db: Database, files: Files, env: Record<string, string> = {}) {
  db.files(files)
  const { exitCode, stderr } = await db.up([], env)
  expect(await db.tables()).toEqual([])
  expect(await db.query(`select from pg_namespace where nspname = 'upfront'`)).toEqual([])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  return refused(exitCode, stderr)
}

function refused(exitCode: number, stderr: string): string {
  expect(exitCode, stderr).toBe(20)
  expect(stderr).toContain('INVALID')
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^failed {9}20 INVALID: /)
  return stderr
}

const good = 'create table users (id int)'

test('a syntax error is told before the first migration runs, with its place and a caret', async ({ db }) => {
  const stderr = await refuseSql(db, {
    '001_users.sql': good,
    '002_posts.sql': `create table posts (id int);\n\nselect '🎉', frm users;\ncreate tabel tags (id int);\n`,
  })
  expect(stderr).toContain('a problem in')
  expect(stderr).toContain('the database was not touched')
  expect(stderr).toContain(`migrations/002_posts.sql:4:8: syntax error at or near "tabel"`)
  expect(stderr).toContain('  4 | create tabel tags (id int);\n')
  expect(stderr).toMatch(/\n *\| {8}\^\n/)
})

test('every wrong name and every file that cannot be read is told in one run', async ({ db }) => {
  const stderr = await refuse(db, {
    '001_a.sql': 'creat table a (id int)',
    '004_d.sql': Buffer.from([0xff, 0xfe, 0x41, 0x00]),
    'oops.sql': good,
    '005_e.down.sql': 'drop table e',
    '006_f.sql': Buffer.from('select 1;\n-- caf\xe9', 'latin1'),
  })
  expect(stderr).toContain('4 problems in')
  expect(stderr).toContain('004_d.sql:1:1: the file is UTF-16, not UTF-8')
  expect(stderr).toContain('oops.sql is not named like a migration')
  expect(stderr).toContain('005_e.down.sql has no up')
  expect(stderr).toContain('006_f.sql:2:7: a byte that is not UTF-8')
})

test('every bad file is told in one run', async ({ db }) => {
  const stderr = await refuseSql(db, {
    '001_a.sql': 'creat table a (id int)',
    '002_b.sql': good,
    '003_c.sql': 'select 1;\r\n\tselect (2;\r\n',
    '006_f.sql': good,
    '006_f.down.sql': 'dorp table f',
    '007_g.sql': `${good};\n-- upfront:down\ndrop tabel g`,
  })
  expect(stderr).toContain('4 problems in')
  expect(stderr).toContain('001_a.sql:1:1: syntax error at or near "creat"')
  expect(stderr).toContain('003_c.sql:2:11: syntax error at or near ";"')
  expect(stderr).toContain('006_f.down.sql:1:1: syntax error at or near "dorp"')
  expect(stderr).toContain('007_g.sql:3:6: syntax error at or near "tabel"')
})

const encodings: readonly [string, Buffer, string][] = [
  ['UTF-16 with a mark, little end first', Buffer.from('\ufeffselect 1', 'utf16le'), '1:1: the file is UTF-16'],
  ['UTF-16 with a mark, big end first', Buffer.from('\ufeffselect 1', 'utf16le').swap16(), '1:1: the file is UTF-16'],
  ['UTF-16 without a mark', Buffer.from('select 1', 'utf16le'), '1:2: a NUL byte'],
  ['a NUL byte', Buffer.from('select 1;\nselect \0 2'), '2:8: a NUL byte'],
  ['Latin-1', Buffer.from(`select 1;\n-- caf\xe9\nselect 2`, 'latin1'), '2:7: a byte that is not UTF-8'],
  ['half a character at the end', Buffer.from([0x2d, 0x2d, 0xc3]), '1:3: a byte that is not UTF-8'],
]

test.for(encodings)('%s is refused with its place', async ([, bytes, problem], { db }) => {
  const stderr = await refuse(db, { '001_users.sql': bytes })
  expect(stderr).toContain(`001_users.sql:${problem}`)
  expect(stderr).toContain('next: Save the file as UTF-8.')
})

test('an invisible character that breaks the syntax can be seen', async ({ db }) => {
  const stderr = await refuseSql(db, {
    '001_users.sql': 'create table\u00a0users (id int)',
    '002_x.sql': 'select\u200b 1 1',
  })
  expect(stderr).toMatch(/\\xa0|U\+00A0/i)
  expect(stderr).toMatch(/\\u200b|U\+200B/i)
})

const names = ['users.sql', '1.sql', '_users.sql', '001-users.sql', '001_.sql', 'V1__users.sql', '001_users.SQL']

test.for(names)('a file named %s is no migration, and is not passed over', async (name, { db }) => {
  const stderr = await refuse(db, { '000_first.sql': good, [name]: good })
  expect(stderr).toContain(join('migrations', name))
  expect(stderr).toContain('next: Name it <digits>_<words>.sql')
})

test('two files with one identity are named, both of them', async ({ db }) => {
  const stderr = await refuse(db, { '001_x.sql': good, '001_x.up.sql': good })
  expect(stderr).toContain('two files have the identity 001_x')
  expect(stderr).toContain(join('migrations', '001_x.sql'))
  expect(stderr).toContain(join('migrations', '001_x.up.sql'))
})

test('a down without its up is refused', async ({ db }) => {
  const stderr = await refuse(db, { '001_x.sql': good, '002_y.down.sql': 'drop table y' })
  expect(stderr).toContain('002_y.down.sql has no up: 002_y.sql does not exist')
})

test('both kinds of down at once are refused', async ({ db }) => {
  const stderr = await refuseSql(db, {
    '001_x.sql': `${good};\n-- upfront:down\nselect 1`,
    '001_x.down.sql': 'select 1',
  })
  expect(stderr).toContain('001_x has two downs')
})

test('a statement that cannot run in a transaction, among others, is refused with its place', async ({ db }) => {
  const stderr = await refuseSql(db, { '001_x.sql': `${good};\n\n  create index concurrently on users (id);\n` })
  expect(stderr).toContain('001_x.sql:3:3: CREATE INDEX CONCURRENTLY cannot run inside a transaction')
  expect(stderr).toContain('upfront:no-transaction')
})

test('a folder that is missing is refused, with the setting to change', async ({ db }) => {
  const stderr = await refuse(db, null)
  expect(stderr).toContain(`there is no migrations folder migrations`)
  expect(stderr).toContain('UPFRONT_MIGRATIONS_DIR')
})

test('a folder that is a file is refused', async ({ db }) => {
  fs.writeFileSync(db.migrationsDir, good)
  expect(await refuse(db, null)).toContain(`there is no migrations folder migrations`)
})

test('an empty folder is refused: it is more often a mistake than a wish', async ({ db }) => {
  expect(await refuse(db, {})).toContain(`there are no migrations in migrations`)
})

test('a folder with a README and dot files only is empty', async ({ db }) => {
  const stderr = await refuse(db, { 'README.md': '# Hello', '.gitkeep': '', '.001_hidden.sql': good })
  expect(stderr).toContain('there are no migrations in')
})

test('a folder of folders is refused, and one of them is named', async ({ db }) => {
  const stderr = await refuse(db, { '20250101_init/up.sql': good })
  expect(stderr).toContain('there are no migrations in')
  expect(stderr).toContain('20250101_init/')
})

test('a seeds folder that is missing is refused when seeds are asked for', async ({ db }) => {
  const stderr = await refuse(db, { '001_users.sql': good }, { UPFRONT_SEED: 'demo' })
  expect(stderr).toContain(`there is no seeds folder seeds`)
  expect(stderr).toContain('UPFRONT_SEEDS_DIR')
})

test('a syntax error in a seed is told before the first migration runs', async ({ db }) => {
  db.seeds({
    '010_a.sql': 'select 1',
    'demo/020_b.sql': 'inser into users values (1)',
    'other/030_c.sql': 'also wrong',
  })
  const stderr = await refuseSql(db, { '001_users.sql': good }, { UPFRONT_SEED: 'demo' })
  expect(stderr).toContain(`seeds/demo/020_b.sql:1:1: syntax error at or near "inser"`)
  expect(stderr).not.toContain('030_c')
})

test('a link that leads nowhere and a link in a circle are refused', async ({ db }) => {
  db.files({ '001_users.sql': good })
  fs.symlinkSync('nowhere.sql', join(db.migrationsDir, '002_gone.sql'))
  fs.symlinkSync('003_circle.sql', join(db.migrationsDir, '003_circle.sql'))
  const stderr = await refuse(db, null)
  expect(stderr).toContain('002_gone.sql cannot be read')
  expect(stderr).toContain('003_circle.sql cannot be read')
})

test('psql commands are refused with their place', async ({ db }) => {
  const stderr = await refuseSql(db, { '001_users.sql': `${good};\n\\connect other\nselect 1;\n` })
  expect(stderr).toContain('001_users.sql:2:1')
})
