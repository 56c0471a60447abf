import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const log = (db: Database) => join(db.dir, 'termination-log')

test('the last words are written when the file exists: what was done', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  fs.writeFileSync(log(db), 'of an earlier run, and much longer than what comes now'.repeat(50))
  await db.up()
  expect(fs.readFileSync(log(db), 'utf8')).toMatch(/^done: 1 migration applied in .*\n$/)
  await db.up()
  expect(fs.readFileSync(log(db), 'utf8')).toBe('up to date: 1 migration\n')
})

test('of a failure: the cause first, what to do, 1 KiB at most', async ({ db }) => {
  const long = `-- ${'x'.repeat(3000)}\nselect 1 / 0 -- ${'y'.repeat(3000)}`
  db.files({ '001_a.sql': long })
  fs.writeFileSync(log(db), '')
  expect((await db.up()).exitCode).toBe(22)
  const words = fs.readFileSync(log(db), 'utf8')
  expect(Buffer.byteLength(words)).toBeLessThanOrEqual(1024)
  expect(words).toMatch(/^22 FAILED: migration 001_a failed and was rolled back/)
  expect(words.slice(0, 512)).toContain('001_a.sql:2:1: ERROR 22012: division by zero')
  expect(words).toContain('next: ')
})

test('of a mistake in the configuration, too', async ({ db }) => {
  fs.writeFileSync(log(db), '')
  expect((await db.run(['stauts'])).exitCode).toBe(2)
  expect(fs.readFileSync(log(db), 'utf8')).toContain('there is no command "stauts"')
})

test('no file is made where there is none, and none is needed', async ({ db }) => {
  db.files({ '001_a.sql': '' })
  expect((await db.up()).exitCode).toBe(0)
  expect(fs.existsSync(log(db))).toBe(false)
})

test('a folder in its place, or a file that may not be written, changes nothing', async ({ db }) => {
  db.files({ '001_a.sql': '' })
  fs.mkdirSync(log(db))
  expect((await db.up()).exitCode).toBe(0)
  expect((await db.up([], { UPFRONT_TERMINATION_LOG: '/proc/version' })).exitCode).toBe(0)
})

test('a reader of the log that has gone away changes nothing', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' })
  const entrypoint = join(import.meta.dirname, '../../entrypoint.ts')
  const child = spawn(process.execPath, [entrypoint], {
    cwd: db.dir,
    env: { ...db.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  child.stderr.destroy()
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_b applied'])
})
