import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

function list(db: Database): string[] {
  return fs.readdirSync(db.migrationsDir).sort()
}

test('the first one makes the folder, and needs no database', async ({ db }) => {
  const env = { UPFRONT_DATABASE_URL: undefined }
  const { exitCode, stdout, stderr } = await db.run(['new', 'add users'], env)
  expect(exitCode, stderr).toBe(0)
  const made = ['0001_add_users.sql', '0001_add_users.down.sql']
  expect(stdout).toBe(`${made.map((file) => join(db.migrationsDir, file)).join('\n')}\n`)
  expect(list(db)).toEqual(made.toSorted())
})

test('the next number, as wide as the last', async ({ db }) => {
  db.files({ '009_a.sql': 'select 1', '010_b.sql': 'select 1', 'README.md': 'x', 'helper.ts': 'export {}' })
  await db.run(['new', 'c'])
  expect(list(db)).toContain('011_c.sql')
})

test('after a timestamp comes the time', async ({ db }) => {
  db.files({ '20240101120000_a.sql': 'select 1' })
  await db.run(['new', 'c'])
  const [made] = list(db).filter((file) => file.endsWith('_c.sql'))
  expect(made).toMatch(/^20\d{12}_c\.sql$/)
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(made!)!
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  expect(Math.abs(Date.now() - time)).toBeLessThan(60_000)
})

test('two in one second, or a clock that is behind: the new one still comes last', async ({ db }) => {
  db.files({ '20991231235959_future.sql': 'select 1' })
  await db.run(['new', 'b'])
  await db.run(['new', 'c'])
  expect(list(db).filter((file) => !file.includes('down'))).toEqual([
    '20991231235959_future.sql',
    '20991231235960_b.sql',
    '20991231235961_c.sql',
  ])
})

test.for([
  ['Add Users', 'add_users'],
  ['  add--users!! ', 'add_users'],
  ['../../etc/passwd', 'etc_passwd'],
  ['Zahlungsarten für Käufer', 'zahlungsarten_für_käufer'],
  ['add_users.sql', 'add_users_sql'],
])('%j becomes %s', async ([words, name], { db }) => {
  const { exitCode } = await db.run(['new', words!])
  expect(exitCode).toBe(0)
  expect(list(db)).toEqual([`0001_${name}.down.sql`, `0001_${name}.sql`])
})

test.for([[[]], [['']], [['!!!']]])('without a name %j it is 2', async ([words], { db }) => {
  const { exitCode, stderr } = await db.run(['new', ...words!])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('upfront new add_users')
  expect(fs.existsSync(db.migrationsDir)).toBe(false)
})

test('nothing is overwritten: the same name again is the next one', async ({ db }) => {
  await db.run(['new', 'users'])
  fs.writeFileSync(join(db.migrationsDir, '0001_users.sql'), 'create table users (id int)')
  await db.run(['new', 'users'])
  expect(list(db).filter((file) => !file.includes('down'))).toEqual(['0001_users.sql', '0002_users.sql'])
  expect(fs.readFileSync(join(db.migrationsDir, '0001_users.sql'), 'utf8')).toBe('create table users (id int)')
})

test('a folder that cannot be written is said, not a bug', async ({ db }) => {
  fs.writeFileSync(join(db.dir, 'migrations'), 'a file, not a folder')
  const { exitCode, stderr } = await db.run(['new', 'users'])
  expect(exitCode, stderr).not.toBe(1)
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain(db.migrationsDir)
})

test('a name of more than a file system takes is said, not a bug', async ({ db }) => {
  const { exitCode, stderr } = await db.run(['new', 'x'.repeat(300)])
  expect(exitCode, stderr).toBe(2)
})

test('a compiled folder is not a place for it', async ({ db }) => {
  db.files({ 'manifest.json': '{}', '0001_a.sql': 'select 1' })
  const { exitCode, stderr } = await db.run(['new', 'users'])
  expect(exitCode, stderr).toBe(2)
  expect(list(db)).toEqual(['0001_a.sql', 'manifest.json'])
})

test('what it made runs, and goes back', async ({ db }) => {
  for (const name of ['a', 'b']) await db.run(['new', name])
  const first = await db.up([], { UPFRONT_ENV: 'development' })
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.applied).toEqual(['0001_a', '0002_b'])
  const down = await db.run(['down'])
  expect(down.exitCode, down.stderr).toBe(0)
})
