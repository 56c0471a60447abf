import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Failure } from '../../../src/errors.ts'
import { makeRedact } from '../../../src/report/redact.ts'
import { lastWords, writeLastWords } from '../../../src/report/termination.ts'
import { samples } from './samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'upfront-report-'))
const redact = makeRedact(['hunter22'])

afterAll(() => rmSync(folder, { recursive: true }))

function writeTo(name: string, words: string, before = ''): string {
  const path = join(folder, name)
  writeFileSync(path, before)
  writeLastWords(path, words)
  return readFileSync(path, 'utf8')
}

test('a failure says its cause first', () => {
  expect(lastWords(samples.failed, redact))
    .toBe(`22 FAILED: 0003_documents failed and was rolled back; 2 applied, 4 not run
migrations/0003_documents.sql:12:8: ERROR 42601: syntax error at or near "tabel"
next: correct the file and start again
hint: spell it "table"
detail: first line\\nsecond line
a.sql:1:1: no such type
- no place for this one
- public.documents
- public.users`)
})

test('a place without a reason is said as well', () => {
  const place = { file: 'a.sql', line: 1, column: 2, text: 'x' }
  const failure = new Failure('INVALID', 'BEGIN is not allowed', { place })
  expect(lastWords({ ...samples.failed, failure, applied: [], notRun: [] }, redact)).toBe(
    '20 INVALID: BEGIN is not allowed\na.sql:1:2',
  )
})

test('success is one line', () => {
  expect(lastWords(samples.done, redact)).toBe('done: 6 migrations and 3 seeds applied in 0.2 s')
  expect(lastWords(samples.up_to_date, redact)).toBe('up to date: 6 migrations')
  expect(lastWords({ type: 'ahead', names: ['0007\nx'] }, redact)).toBe(
    'ahead: the database has 1 migration that this image has not: 0007\\nx',
  )
})

test('nothing else ends a run', () => {
  for (const type of ['start', 'applied', 'warning', 'interrupted'] as const)
    expect(lastWords(samples[type], redact)).toBe(undefined)
})

test('secrets stay out', () => {
  const failure = new Failure('DENIED', 'no hunter22', { reason: 'hunter22', hint: 'hunter22', list: ['hunter22'] })
  expect(lastWords({ ...samples.failed, failure }, redact)).not.toContain('hunter22')
})

test('a file that exists is replaced', () => {
  expect(writeTo('replaced', 'short', 'what was there before')).toBe('short\n')
})

test('at most 1024 bytes are written, cut between characters', () => {
  for (const padding of ['', 'a', 'ab', 'abc']) {
    const written = writeTo('cut', padding + '🎉'.repeat(400))
    expect(Buffer.byteLength(written)).toBeLessThanOrEqual(1024)
    expect(Buffer.byteLength(written)).toBeGreaterThan(1018)
    expect(written).toMatch(/^a?b?c?🎉+\.\.\.\n$/u)
  }
  expect(writeTo('whole', 'x'.repeat(1023))).toBe(`${'x'.repeat(1023)}\n`)
})

test('a file that does not exist is not made, and nothing fails', () => {
  const missing = join(folder, 'missing')
  writeLastWords(missing, 'x')
  expect(existsSync(missing)).toBe(false)
  writeLastWords('', 'x')
  writeLastWords(folder, 'x')
  writeLastWords('\0', 'x')
})

test('a pipe that nobody reads does not hold up the end', () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  writeLastWords(pipe, 'x')
})
