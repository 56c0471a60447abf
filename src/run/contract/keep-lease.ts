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
  /** Set where the process may end although a lease is held. */
  readonly mayEnd?: true
}

/** Renews a lease until the run is asked to stop, whatever becomes of the database; says once that it cannot. */
export async function keepLease(run: Run, lease: Lease, { check, mayEnd }: Keeping): Promise<void> {
  const { emit, signal } = run
  const everyMs = lease.ttlMs / renewals
  let lived = true
  const renew = async (session: Session, tables: HistoryTables) => {
    lived = (await renewLease(session, tables, lease)) && lived
  }
  const pass = async (session: Session, reader: Session) => {
    if (!lived) await passDoor(quiet, session, 0, renewing(reader, historyTables(session, run.config), lease))
  }
  const quiet = { ...run, emit: unlessOfWaiting(run), config: { ...run.config, waitTimeoutMs: Math.ceil(everyMs) } }
  let renewedAt = performance.now()
  let failing = false
  let restMs = everyMs
  while (await rest(restMs * (0.85 + Math.random() * 0.15), signal, mayEnd)) {
    const begun = performance.now()
    try {
      await askForLease(quiet, renew, pass)
      renewedAt = begun
      restMs = everyMs
      if (failing) emit({ type: 'held', lease: lease.id, version: lease.version, ttlMs: lease.ttlMs })
      failing = false
      if (!lived) await checkAgain(run, check)
      lived = true
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof Failure)) throw error
      const leftMs = Math.max(0, Math.round(lease.ttlMs - (performance.now() - renewedAt)))
      if (!failing) emit({ type: 'not_renewed', lease: lease.id, reason: error.facts.reason ?? error.message, leftMs })
      failing = true
      restMs = Math.min(everyMs, longestRestMs)
    }
  }
}

/** Who has contracted while the lease had run out could not know of us; the application is beyond our help, so it is said. */
async function checkAgain({ emit, signal }: Run, check: () => Promise<void>): Promise<void> {
  await check().catch((error: unknown) => {
    if (signal.aborted || !(error instanceof Failure)) throw error
    emit({ type: 'warning', message: `the lease had run out, and meanwhile: ${error.message}` })
  })
}

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
