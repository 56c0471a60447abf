// Files that are larger than the memory they may take.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { watchPeak } from './harness/peak.ts'
import { startProgram } from './harness/program.ts'

const limitMb = 128

/** What V8 chooses by itself where a container has so little memory; here it sees the whole machine's. */
const small = { NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=64' }

/** A migration of so many bytes, in INSERTs of about a kilobyte. */
function writeInserts(db: Database, bytes: number): number {
  db.files({ '001_notes.sql': 'create table notes (id int, note text)' })
  const file = fs.openSync(join(db.migrationsDir, '002_many.sql'), 'w')
  const note = 'x'.repeat(960)
  let rows = 0
  for (let written = 0; written < bytes;) {
    let chunk = ''
    for (let i = 0; i < 500; i += 1) chunk += `insert into notes values (${(rows += 1)}, '${note}');\n`
    written += fs.writeSync(file, chunk)
  }
  fs.closeSync(file)
  return rows
}

async function measure(db: Database) {
  const child = startProgram(inject('program'), { env: { ...db.env, ...small }, cwd: db.dir })
  const peak = watchPeak(child.pid)
  const ended = await child.ended
  return { ...ended, peakMb: peak.stop() }
}

test.for([64, 300])('a migration of %i MB is applied in less than 128 MiB of memory', async (megabytes, { db }) => {
  const rows = writeInserts(db, megabytes * 1_000_000)
  const { exitCode, stderr, peakMb } = await measure(db)
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select count(*)::int as rows from notes')).toEqual([{ rows }])
  expect(peakMb).toBeGreaterThan(10)
  expect(peakMb).toBeLessThan(limitMb)
})

test('one statement of more than 64 MiB: exit 20 with advice, and not for want of memory', async ({ db }) => {
  db.files({ '001_notes.sql': 'create table notes (note text)' })
  const file = fs.openSync(join(db.migrationsDir, '002_one.sql'), 'w')
  fs.writeSync(file, `insert into notes values ('`)
  for (let i = 0; i < 70; i += 1) fs.writeSync(file, 'x'.repeat(1024 * 1024))
  fs.writeSync(file, `');\n`)
  fs.closeSync(file)
  const { exitCode, stderr } = await measure(db)
  expect(exitCode, stderr).toBe(20)
  expect(stderr).toMatch(/002_one\.sql:1:1/)
  expect(stderr).toMatch(/next: ./)
  expect(await db.tables()).toEqual([])
})

test('200 MB of COPY data as a seed take less than 120 MB of memory', async ({ db }) => {
  db.files({ '001_notes.sql': 'create table notes (id int, note text)' })
  db.seeds({})
  const file = fs.openSync(join(db.seedsDir, '010_notes.sql'), 'w')
  const note = 'x'.repeat(980)
  fs.writeSync(file, 'copy notes from stdin;\n')
  for (let id = 0; id < 200_000; id += 500) {
    let chunk = ''
    for (let i = 0; i < 500; i += 1) chunk += `${id + i}\t${note}\n`
    fs.writeSync(file, chunk)
  }
  fs.writeSync(file, '\\.\n')
  fs.closeSync(file)
  const child = startProgram(inject('program'), { env: { ...db.env, ...small, UPFRONT_SEED: 'demo' }, cwd: db.dir })
  const peak = watchPeak(child.pid)
  const { exitCode, stderr } = await child.ended
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select count(*)::int as rows from notes')).toEqual([{ rows: 200_000 }])
  expect(peak.stop()).toBeLessThan(120)
})
