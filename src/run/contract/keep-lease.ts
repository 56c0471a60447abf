import { Failure } from '../../errors.ts'
import { type Lease, renewLease } from '../../history/leases.ts'
import { type HistoryTables, historyTables } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { askForLease, unlessOfWaiting } from './ask-for-lease.ts'
import { passDoor } from './door.ts'

/** Of the time to live: often enough that two may fail. */
const renewals = 3
const longestRestMs = 5_000

/** How a lease is kept. */
export interface Keeping {
  /** Throws when the database is not right for this bundle any more. */
  readonly check: () => Promise<void>
  /** Called when the lease is there and the database is right: at first, and after it had run out. */
  readonly held: (lease: Lease) => Promise<void> | void
  /** Called when it may have run out, and before it is given back. */
  readonly ended?: () => void
  /** Set where the process may end although a lease is held. */
  readonly mayEnd?: true
}

/** Renews a lease until the run is asked to stop, whatever becomes of the database; says once that it cannot. */
export async function keepLease(run: Run, lease: Lease, { check, held, ended, mayEnd }: Keeping): Promise<void> {
  const { emit, signal } = run
  const everyMs = lease.ttlMs / renewals
  let lived = true
  const renew = async (session: Session, tables: HistoryTables) => {
    lived = (await renewLease(session, tables, lease)) && lived
  }
  const pass = async (session: Session, reader: Session) => {
    if (!lived) await passDoor(quiet, session, 0, renewing(reader, historyTables(session, run.config), lease))
  }
  const waitTimeoutMs = Math.ceil(mayEnd ? Math.min(everyMs, longestRestMs) : everyMs)
  const quiet = { ...run, emit: unlessOfWaiting(run), config: { ...run.config, waitTimeoutMs } }
  let renewedAt = performance.now()
  const lapse = () => {
    lived = false
    ended?.()
  }
  const lapseWhenOver = () => setTimeout(lapse, lease.ttlMs - (performance.now() - renewedAt)).unref()
  let over = lapseWhenOver()
  let failing = false
  let restMs = everyMs
  try {
    while (await rest(restMs * (0.85 + Math.random() * 0.15), signal, mayEnd)) {
      const begun = performance.now()
      try {
        await askForLease(quiet, renew, pass)
        renewedAt = begun
        restMs = everyMs
        clearTimeout(over)
        over = lapseWhenOver()
        if (failing) emit({ type: 'held', lease: lease.id, version: lease.version, ttlMs: lease.ttlMs })
        failing = false
        if (lived) continue
        const found = await checkAgain(run, check)
        if (found === 'wrong') ended?.()
        else if (found === 'right') await held(lease)
        lived = found !== 'unknown'
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof Failure)) throw error
        const leftMs = Math.max(0, Math.round(lease.ttlMs - (performance.now() - renewedAt)))
        if (!failing)
          emit({ type: 'not_renewed', lease: lease.id, reason: error.facts.reason ?? error.message, leftMs })
        failing = true
        restMs = Math.min(everyMs, longestRestMs)
      }
    }
  } finally {
    clearTimeout(over)
  }
}

/** Who has contracted while the lease had run out could not know of us; the application is beyond our help, so it is said. */
async function checkAgain({ emit, signal }: Run, check: () => Promise<void>): Promise<'right' | 'wrong' | 'unknown'> {
  try {
    await check()
    return 'right'
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error
    // A database that is gone again does not say what was done to it.
    if (noAnswers.has(error.code)) return 'unknown'
    emit({ type: 'warning', message: `the lease had run out, and meanwhile: ${error.message}` })
    return 'wrong'
  }
}

const noAnswers: ReadonlySet<string> = new Set(['NOT_READY', 'LOST'])

/** Renews it when it is time to, as often as it is called. */
export function renewing(session: Session, tables: HistoryTables, lease: Lease): () => Promise<void> {
  let renewedAt = performance.now()
  return async () => {
    if (performance.now() - renewedAt < lease.ttlMs / renewals) return
    await renewLease(session, tables, lease)
    renewedAt = performance.now()
  }
}

/** False when the signal came first. */
function rest(ms: number, signal: AbortSignal, mayEnd: true | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const onAbort = () => (clearTimeout(timer), resolve(false))
    const timer = setTimeout(() => (signal.removeEventListener('abort', onAbort), resolve(true)), ms)
    if (mayEnd) timer.unref()
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
