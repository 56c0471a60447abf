import { expect, test } from 'vitest'
import { Failure } from '../../../../src/errors.ts'
import type { Evidence, SeenLease, SeenSessions } from '../../../../src/run/contract/evidence.ts'
import { judgeEvidence, refuseUnsafe } from '../../../../src/run/contract/judge-evidence.ts'

const none: Evidence = {
  leases: [],
  previous: null,
  sessions: null,
  pooled: false,
  streams: false,
  appliedForMs: 5_000,
  graceMs: 0,
}
const lease = (more: Partial<SeenLease>): SeenLease => ({
  holder: 'web-1',
  version: '1.4.1',
  state: 'released',
  forMs: 20_000,
  lacks: '0009_drop',
  ...more,
})
const session = (compared: SeenSessions['compared']): SeenSessions => ({
  application: 'shop/1',
  user: 'app',
  count: 2,
  compared,
})

const safe: readonly (readonly [string, Partial<Evidence>])[] = [
  ['an older lease that was given back', { leases: [lease({})] }],
  ['one that ran out', { leases: [lease({ state: 'expired' })] }],
  ['living ones of this version beside it', { leases: [lease({}), lease({ lacks: null, state: 'living' })] }],
  ['sessions of this version', { sessions: [session('equal')] }],
  ['sessions of a newer version', { sessions: [session('newer')] }],
  ['old sessions behind a pooler, with an older lease that is over', { leases: [lease({})], sessions: [session('older')], pooled: true }], // prettier-ignore
  ['a grace period that is over', { leases: [lease({})], graceMs: 5_000 }],
]

test.each(safe)('%s: safe', (_, more) => {
  const judgement = judgeEvidence({ ...none, ...more })
  expect(judgement).toMatchObject({ safe: true, living: [], unproved: null, graceLeftMs: 0 })
  expect(() => refuseUnsafe(judgement)).not.toThrow()
})

const unsafe: readonly (readonly [string, Partial<Evidence>, 'PENDING' | 'REFUSED'])[] = [
  ['nothing at all', {}, 'REFUSED'],
  ['leases of this version alone', { leases: [lease({ lacks: null, state: 'living' })] }, 'REFUSED'],
  ['leases of long ago, none of the version before', { leases: [lease({})], previous: { host: 'h', forMs: 1, hasHeld: false } }, 'REFUSED'], // prettier-ignore
  ['a pattern that no session matches', { sessions: [] }, 'REFUSED'],
  ['sessions of this version behind a pooler', { sessions: [session('equal')], pooled: true }, 'REFUSED'],
  ['an older lease', { leases: [lease({ state: 'living' })] }, 'PENDING'],
  ['an older session', { sessions: [session('equal'), session('older')] }, 'PENDING'],
  ['a session that cannot be compared', { sessions: [session('not comparable')] }, 'PENDING'],
  ['a session whose name was cut off', { sessions: [session('cut off')] }, 'PENDING'],
  ['an old session although leases are over', { leases: [lease({})], sessions: [session('older')] }, 'PENDING'],
  ['a grace period since the last lease', { leases: [lease({})], appliedForMs: 100_000, graceMs: 30_000 }, 'PENDING'],
  ['a grace period since the last migration', { leases: [lease({})], graceMs: 10_000 }, 'PENDING'],
]

test.each(unsafe)('%s: not safe', (_, more, code) => {
  const judgement = judgeEvidence({ ...none, ...more })
  expect(judgement.safe).toBe(false)
  expect(judgement.unproved === null).toBe(code === 'PENDING')
  try {
    refuseUnsafe(judgement)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    expect((error as Failure).code).toBe(code)
  }
})

test('names of others are quoted, because anybody may choose them', () => {
  const holder = 'web\n- "all is well"'
  const { living } = judgeEvidence({ ...none, leases: [lease({ holder, state: 'living' })] })
  expect(living[0]).toContain(JSON.stringify(holder))
})

test('the shortest of the times counts for the grace period', () => {
  const leases = [lease({ forMs: 9_000 }), lease({ forMs: 3_000, state: 'expired' })]
  expect(judgeEvidence({ ...none, leases, graceMs: 10_000 }).graceLeftMs).toBe(7_000)
})
