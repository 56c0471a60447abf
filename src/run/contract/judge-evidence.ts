import { Failure } from '../../errors.ts'
import { formatDuration } from '../../report/duration.ts'
import type { Evidence, SeenLease, SeenSessions } from './evidence.ts'

/** Whether what an older version uses may be taken away, and why not. */
export interface Judgement {
  readonly safe: boolean
  /** What is older and lives, a line each. */
  readonly living: readonly string[]
  /** What limits how far that can be trusted, and what was left out. */
  readonly notes: readonly string[]
  /** Why it is no proof that nothing older was seen; null when it is one, or something was seen. */
  readonly unproved: string | null
  /** What is left of the grace period; 0 when it is over. */
  readonly graceLeftMs: number
}

/**
 * Judges what `readEvidence` has read; pure. Nothing seen is a proof only where something older would have been seen: the
 * version before has held leases, or sessions are called by the pattern now.
 */
export function judgeEvidence(evidence: Evidence): Judgement {
  const { leases, previous, sessions, pooled, streams, appliedForMs, graceMs } = evidence
  const older = leases.filter(({ lacks }) => lacks !== null)
  const counted = pooled ? [] : (sessions ?? [])
  const living = [
    ...older.filter(({ state }) => state === 'living').map(describeLease),
    ...counted.filter((one) => !isFine(one)).map(describeSessions),
  ]
  const ended = older.filter(({ state }) => state !== 'living')
  const haveHeld = ended.length > 0 && previous?.hasHeld !== false
  const isProof = haveHeld || counted.some(isFine)
  const unproved = living.length === 0 && !isProof ? whyUnproved(evidence) : null
  const quietMs = Math.min(appliedForMs ?? Infinity, ...ended.map(({ forMs }) => forMs))
  const graceLeftMs = Math.max(0, graceMs - quietMs)
  const expired = ended.filter(({ state, forMs }) => state === 'expired' && forMs < lateMs)
  const notes = [
    ...(pooled && sessions !== null
      ? ['a pooler stands in between, so the names of sessions say nothing of who uses them; only leases count']
      : []),
    ...(!pooled && sessions?.length === 0 ? ['no session is called as UPFRONT_APP_PATTERN says'] : []),
    ...(!pooled && sessions !== null && streams ? ['sessions on a standby are not seen from here'] : []),
    ...expired.map(({ holder, version, forMs }) => {
      const who = `${JSON.stringify(holder)}${named(version)}`
      return `the lease of ${who} ran out ${formatDuration(forMs)} ago and was not given back: killed, or cut off from the database`
    }),
  ]
  return { safe: living.length === 0 && unproved === null && graceLeftMs === 0, living, notes, unproved, graceLeftMs }
}

/** What ran out longer ago than this need not be told. */
const lateMs = 3_600_000

/** Throws what keeps somebody from contracting: PENDING for what time can mend, REFUSED where there is no evidence. */
export function refuseUnsafe({ safe, living, unproved, graceLeftMs }: Judgement): void {
  if (safe) return
  if (unproved !== null) {
    throw new Failure('REFUSED', 'nothing older was seen, but that proves nothing; nothing was changed', {
      reason: unproved,
      next:
        'Let every version hold a lease (upfront wait --hold beside the application, or hold() within it), or say how its ' +
        'sessions are called (UPFRONT_APP_PATTERN and UPFRONT_APP_VERSION). For this time, make sure yourself that nothing ' +
        'older runs, and then: upfront contract --without-evidence',
    })
  }
  if (living.length > 0) {
    throw new Failure('PENDING', 'an older version still lives; nothing was changed', {
      list: living,
      next: 'Run it again when these have ended.',
    })
  }
  throw new Failure('PENDING', `the grace period lasts ${formatDuration(graceLeftMs)} more; nothing was changed`, {
    next: 'Run it again then, or choose a shorter UPFRONT_CONTRACT_GRACE.',
  })
}

function whyUnproved({ leases, previous, sessions, pooled }: Evidence): string {
  const before =
    previous === null
      ? 'no version before this one has ever'
      : `the version before this one, by which ${JSON.stringify(previous.host)} migrated ${formatDuration(previous.forMs)} ago, never`
  const ofLeases =
    leases.length === 0
      ? 'nobody has ever held a lease here'
      : `${before} held a lease here, so one that lives would hold none`
  if (sessions === null) return `${ofLeases}, and UPFRONT_APP_PATTERN is not set`
  if (pooled) return `${ofLeases}, and behind a pooler sessions say nothing`
  return `${ofLeases}, and no session is called as UPFRONT_APP_PATTERN says, not even one of this version`
}

function isFine({ compared }: SeenSessions): boolean {
  return compared === 'equal' || compared === 'newer'
}

function describeLease({ holder, version, lacks, forMs }: SeenLease): string {
  return `${JSON.stringify(holder)} holds a lease${named(version)}, without ${lacks}, renewed ${formatDuration(forMs)} ago`
}

const comparisons: Readonly<Record<SeenSessions['compared'], string>> = {
  older: 'older',
  equal: 'the same',
  newer: 'newer',
  'not comparable': 'which cannot be compared with UPFRONT_APP_VERSION',
  'cut off': 'which is cut off at 63 bytes, so that its version is not known',
  'compared with nothing': 'and UPFRONT_APP_VERSION is not set to compare it with',
}

function describeSessions({ application, user, count, compared }: SeenSessions): string {
  const sessions = count === 1 ? 'a session' : `${count} sessions`
  return `${sessions} ${JSON.stringify(application)} of role ${JSON.stringify(user)}, ${comparisons[compared]}`
}

function named(version: string | null): string {
  return version === null ? '' : ` for version ${JSON.stringify(version)}`
}
