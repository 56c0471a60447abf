import { describe, expect, test } from 'vitest'
import { judge, worst } from '../../../../src/run/rehearse/verdict.ts'
import { GB, lock, rehearsal, statement, work } from './rehearsal.ts'

const limits = { largeBytes: GB, longMs: 5_000 }
const say = (...args: Parameters<typeof rehearsal>) => judge(rehearsal(...args), limits).map(({ level, line, words }) => `${level} ${line}: ${words}`) // prettier-ignore

test('a rewrite behind the lock of another table is the incident that this is for', () => {
  const statements = [
    statement(1, { locks: [lock('auth.users')] }),
    statement(2, { locks: [lock('ingest.events', 'ShareLock')], work: [work('rewrites', 'ingest.events')] }),
  ]
  expect(say(statements, { 'ingest.events': 540 * GB, 'auth.users': 8192 })).toEqual([
    'danger 2: rewrites ingest.events, about 540 GB, while holding ACCESS EXCLUSIVE on auth.users, and SHARE on ingest.events: nobody can read or write auth.users until it commits',
  ])
})

describe('the level', () => {
  const withSize = (bytes: number | undefined) =>
    worst(judge(rehearsal([statement(1, { locks: [lock('t', 'ShareLock')], work: [work('builds', 't', { index: 'i' })] })], bytes === undefined ? {} : { t: bytes }), limits)) // prettier-ignore
  test.each([
    [GB, 'danger'],
    [GB - 1, 'careful'],
    [GB / 100, 'careful'],
    [GB / 100 - 1, 'ok'],
    [0, 'ok'],
    [undefined, 'careful'],
  ])('goes by the size of the table: %d is %s', (bytes, level) => expect(withSize(bytes)).toBe(level))
})

test('work that blocks nobody is said of a large table only, and is ok', () => {
  const statements = [statement(1, { transaction: null, locks: [lock('t', 'ShareUpdateExclusiveLock')], work: [work('builds', 't', { index: 'i' })] })] // prettier-ignore
  expect(say(statements, { t: 3 * GB })).toEqual([
    'ok 1: builds the index i on t, about 3 GB, and blocks nobody meanwhile',
  ])
  expect(say(statements, { t: 8192 })).toEqual(['ok null: blocks nobody'])
})

test('locks end with their transaction', () => {
  const statements = [
    statement(1, { locks: [lock('auth.users')], transaction: 1 }),
    statement(2, { work: [work('scans', 't')], transaction: 2 }),
    statement(3, { work: [work('scans', 't')], transaction: null }),
  ]
  expect(say(statements, { t: GB / 2 })).toEqual(['ok null: takes ACCESS EXCLUSIVE on auth.users, for a moment'])
})

test('what is new is nobody’s: neither its locks nor what is done to it count', () => {
  const statements = [
    statement(1, { locks: [lock('new', 'AccessExclusiveLock', { existing: false })], work: [work('scans', 't')] }),
    statement(2, { locks: [lock('t')], work: [work('rewrites', 'new', { existing: false })] }),
  ]
  expect(say(statements, { t: GB / 2 })).toEqual(['ok null: takes ACCESS EXCLUSIVE on t, for a moment'])
})

test('partitions are one table, and an index stands for its table', () => {
  const root = { root: 'e' }
  const statements = [
    statement(1, { locks: [lock('e'), lock('e1', 'AccessExclusiveLock', root), lock('e1_pkey', 'AccessExclusiveLock', { ...root, kind: 'index', table: 'e1' })], work: [work('rewrites', 'e1', root), work('rewrites', 'e2', root)] }), // prettier-ignore
  ]
  expect(say(statements, { e: 2 * GB })).toEqual([
    'danger 1: rewrites e, about 2 GB, while holding ACCESS EXCLUSIVE on e: nobody can read or write e until it commits',
  ])
})

test('several ACCESS EXCLUSIVE together, a long time, TRUNCATE', () => {
  expect(say([statement(1, { locks: [lock('a'), lock('b')] })])).toEqual(['careful 1: holds ACCESS EXCLUSIVE on a and b together until it commits']) // prettier-ignore
  const lasting = (ms: number) => judge(rehearsal([statement(1, { locks: [lock('a', 'ShareLock')] }), statement(2, { ms })]), limits)[0]! // prettier-ignore
  expect([lasting(100).level, lasting(1_500).level, lasting(5_000).level]).toEqual(['ok', 'careful', 'danger'])
  expect(lasting(5_000).words).toContain('nobody can write a until it commits')
  expect(say([statement(1, { locks: [lock('a')], work: [work('empties', 'a')] })], { a: 5 * GB })).toEqual(['careful 1: empties a, about 5 GB']) // prettier-ignore
})

test('many names are counted, not listed', () => {
  const names = Array.from({ length: 9 }, (_, i) => `t${i}`)
  const [one] = say([statement(1, { locks: names.map((name) => lock(name)) })])
  expect(one).toBe('careful 1: holds ACCESS EXCLUSIVE on t0, t1, t2, t3, t4 and 4 more together until it commits')
})
