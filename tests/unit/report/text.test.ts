import { expect, test } from 'vitest'
import { Failure, type FailureFacts } from '../../../src/errors.ts'
import type { Event } from '../../../src/events.ts'
import { makeRedact } from '../../../src/report/redact.ts'
import { makeText } from '../../../src/report/text.ts'
import { samples } from './samples.ts'

const plain = { debug: false, colour: false, redact: makeRedact([]) }

function write(events: readonly Event[], options: Partial<typeof plain> = {}): string {
  const text = makeText({ ...plain, ...options })
  return events.map(text).join('')
}

function fail(failure: Failure, applied: readonly string[] = [], notRun: readonly string[] = []): string {
  return write([{ type: 'failed', failure, applied, notRun }])
}

test('a first run reads as a story', () => {
  expect(write([samples.start, samples.waiting, samples.ready, samples.applied, samples.seeded, samples.done])).toBe(
    `upfront 0.1.0  up: 6 migrations in ./migrations
database       app on db:5432 as app (DATABASE_URL)
waiting        connection refused (db:5432)
ready          PostgreSQL 18.4 after 1.1 s
applied        0001_extensions  12 ms
seeded         development/010_users.sql  3 ms
done           6 migrations and 3 seeds applied in 0.2 s
`,
  )
})

test('an up-to-date run prints three lines', () => {
  expect(write([samples.start, { ...samples.ready, elapsedMs: 30 }, samples.up_to_date])).toBe(
    `upfront 0.1.0  up: 6 migrations in ./migrations
database       app on db:5432 as app (DATABASE_URL)
up to date     6 migrations
`,
  )
})

test('ready is said after a wait, however short, and at debug', () => {
  const ready: Event = { ...samples.ready, elapsedMs: 30 }
  expect(write([ready])).toBe('')
  expect(write([samples.waiting, ready])).toContain('ready          PostgreSQL 18.4 after 30 ms\n')
  expect(write([ready], { debug: true })).toBe('ready          PostgreSQL 18.4 after 30 ms\n')
  expect(write([{ ...ready, elapsedMs: 1000 }])).toBe('ready          PostgreSQL 18.4 after 1.0 s\n')
})

test.for<[string, Event, string]>([
  ['warning', samples.warning, 'warning        UPFRONT_FOO is not a setting\n'],
  [
    'ahead',
    samples.ahead,
    'ahead          the database has 2 migrations that this image has not: 0007_new, 0008_newer\n',
  ],
  ['lock_waiting', samples.lock_waiting, 'waiting        another runner holds the lock: pid 42 on web-1 (12.0 s)\n'],
  ['connection_lost', samples.connection_lost, 'disconnected   Connection terminated unexpectedly\n'],
  ['retrying', samples.retrying, 'retrying       0002_users  in 0.8 s: lock timeout\n'],
  ['applying', samples.applying, 'applying       0001_extensions\n'],
  ['baselined', samples.baselined, 'baselined      0001_extensions\n'],
  ['notice', samples.notice, 'notice         0002_users  NOTICE: relation "users" exists, skipping\n'],
  ['interrupted', samples.interrupted, 'interrupted    SIGTERM: stopping\n'],
  [
    'up_to_date with seeds',
    { ...samples.up_to_date, seed: 'dev' },
    'up to date     6 migrations and the seeds for dev\n',
  ],
  ['up_to_date with one', { ...samples.up_to_date, migrations: 1 }, 'up to date     1 migration\n'],
  ['done with one', { ...samples.done, applied: 1, seeded: 0 }, 'done           1 migration applied in 0.2 s\n'],
  ['done with seeds only', { ...samples.done, applied: 0, seeded: 1 }, 'done           1 seed applied in 0.2 s\n'],
  ['done with nothing', { ...samples.done, applied: 0, seeded: 0 }, 'done           nothing to apply, in 0.2 s\n'],
])('%s is one line', ([, event, line]) => {
  expect(write([event])).toBe(line)
})

test('a command without a database has no database line', () => {
  expect(write([{ ...samples.start, command: 'compile', target: '', source: '' }])).toBe(
    'upfront 0.1.0  compile: 6 migrations in ./migrations\n',
  )
})

test('only the first ten names of many are said', () => {
  const names = Array.from({ length: 12 }, (_, index) => `n${index}`)
  expect(write([{ type: 'ahead', names }])).toContain(': n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more\n')
})

test('a failure says what, where, why, what next, and ends with the story in one line', () => {
  expect(write([samples.failed])).toBe(
    `error          0003_documents failed and was rolled back (FAILED, exit 22)
  migrations/0003_documents.sql:12:8
    12 | create tabel documents (
       |        ^
  ERROR 42601: syntax error at or near "tabel"
  detail: first line
    second line
  hint: spell it "table"
  context: SQL statement "select 1"
    PL/pgSQL function f() line 1 at SQL statement
  - public.documents
  - public.users
  a.sql:1:1: no such type
    1 | x
      | ^
    next: create it
  - no place for this one
  next: correct the file and start again
  applied: 0001_extensions, 0002_users
  not run: 0004_a, 0005_b, 0006_c, 0007_d
failed         22 FAILED: 0003_documents failed and was rolled back; 2 applied, 4 not run
`,
  )
})

test('a failure that has only its sentence is one line', () => {
  expect(fail(new Failure('USAGE', 'no such command: upp.'))).toBe('failed         2 USAGE: no such command: upp\n')
})

test('a reason without an SQLSTATE is called a reason', () => {
  expect(fail(new Failure('NOT_READY', 'the database is not ready', { reason: 'ECONNREFUSED' }))).toBe(
    `error          the database is not ready (NOT_READY, exit 30)
  reason: ECONNREFUSED
failed         30 NOT_READY: the database is not ready
`,
  )
})

test('a sentence of several lines is indented and its first line is the summary', () => {
  expect(fail(new Failure('REFUSED', 'no\nfailed         0 DONE'))).toBe(
    `error          no (REFUSED, exit 28)
    failed         0 DONE
failed         28 REFUSED: no
`,
  )
})

test('an expected failure shows no stack, a bug shows that of its cause', () => {
  const cause = new TypeError('x is not a function')
  cause.stack = 'TypeError: x is not a function\n    at f (a.ts:1:1)'
  expect(fail(new Failure('DENIED', 'no', { reason: 'bad password' }, cause))).not.toContain('a.ts')
  expect(fail(new Failure('INTERNAL', 'a bug', {}, cause))).toBe(
    `error          a bug (INTERNAL, exit 1)
  TypeError: x is not a function
      at f (a.ts:1:1)
failed         1 INTERNAL: a bug
`,
  )
  expect(fail(new Failure('INTERNAL', 'a bug'))).toContain('text.test.ts')
  const deep = new Error('outer', { cause: 'a string was thrown' })
  expect(fail(new Failure('INTERNAL', 'a bug', {}, deep))).toContain('caused by: a string was thrown')
})

test('a long list is cut', () => {
  const list = Array.from({ length: 150 }, (_, index) => `n${index}`)
  const text = fail(new Failure('MISMATCH', 'files are missing', { list }))
  expect(text).toContain('  - n99\n  - and 50 more\nfailed ')
})

test('nobody can forge a line or send a colour through a name or a message', () => {
  const evil = 'x\nfailed         0 FAKE\r\x1b[31m\u202e\u2028\x9b\u{e0001}\ud800'
  const escaped = 'x\\nfailed         0 FAKE\\r\\x1b[31m\\u202e\\u2028\\x9b\\u{e0001}\\ud800'
  expect(write([{ ...samples.applied, name: evil }])).toBe(`applied        ${escaped}  12 ms\n`)
  expect(write([{ type: 'warning', message: evil }])).toBe(`warning        ${escaped}\n`)
  expect(write([{ type: 'ahead', names: [evil] }])).toContain(`not: ${escaped}\n`)
  const facts: FailureFacts = {
    ...samples.failed.failure.facts,
    place: { file: evil, line: 1, column: 1, text: evil },
    sqlstate: evil,
    reason: evil,
    detail: evil,
    hint: evil,
    where: evil,
    next: evil,
    list: [evil],
    problems: [{ what: evil, next: evil, place: { file: evil, line: 1, column: 3, text: evil } }],
  }
  const text = fail(new Failure('FAILED', evil, facts), [evil], [evil])
  const lines = text.trimEnd().split('\n')
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u)
  expect(lines.filter((line) => !line.startsWith('  '))).toEqual([
    'error          x (FAILED, exit 22)',
    'failed         22 FAILED: x; 1 applied, 1 not run',
  ])
})

test('a family emoji and other scripts are left alone', () => {
  expect(write([{ type: 'applying', name: '0001_👨‍👩‍👧_größe_表' }])).toBe('applying       0001_👨‍👩‍👧_größe_表\n')
})

test('colours are around the verb only', () => {
  const colour = { colour: true }
  expect(write([samples.applied], colour)).toBe('\x1b[32mapplied\x1b[0m        0001_extensions  12 ms\n')
  expect(write([samples.warning], colour)).toBe('\x1b[33mwarning\x1b[0m        UPFRONT_FOO is not a setting\n')
  expect(write([samples.interrupted], colour)).toBe('\x1b[33minterrupted\x1b[0m    SIGTERM: stopping\n')
  expect(write([samples.applying], colour)).toBe('\x1b[1mapplying\x1b[0m       0001_extensions\n')
  const failure = new Failure('USAGE', 'no')
  expect(write([{ type: 'failed', failure, applied: [], notRun: [] }], colour)).toBe(
    '\x1b[31mfailed\x1b[0m         2 USAGE: no\n',
  )
})
