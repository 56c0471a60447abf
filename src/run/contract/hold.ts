import { randomUUID } from 'node:crypto'
import { Failure } from '../../errors.ts'
import type { Event } from '../../events.ts'
import { type Lease, pruneLeases, releaseLease, renewLease, takeLease } from '../../history/leases.ts'
import { type HistoryTables, historyTables } from '../../history/tables.ts'
import type { Bundle } from '../../migration.ts'
import { NotYet } from '../../postgres/connect/wait.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { withServer } from '../server.ts'
import { passDoor } from './door.ts'

/** What is done while a lease is held. */
export interface Holding {
  /** Throws when the database is not right for this bundle (any more). */
  readonly check: () => Promise<void>
  /** Called once, when the lease is there and the database is still right. */
  readonly held: (lease: Lease) => Promise<void> | void
  /** Set where the process may end although a lease is held. */
  readonly mayEnd?: true
}

/** Of the time to live: often enough that two may fail. */
const renewals = 3
const releaseWithinMs = 5_000
const longestRestMs = 5_000

/**
 * Takes a lease for this bundle and keeps it until the run is asked to stop, then gives it back and resolves. Once held, no
 * lost database ends it: it goes on trying, and takes the lease again when that has run out.
 */
export async function holdLease(run: Run, bundle: Bundle, { check, held, mayEnd }: Holding): Promise<void> {
  const { config, emit, io } = run
  const names = (await bundle.list()).map(({ name }) => name)
  const lease: Lease = {
    id: randomUUID(),
    holder: io.hostname,
    version: config.appVersion,
    bundle: bundle.digest,
    names,
    ttlMs: config.leaseTtlMs,
  }
  let mayBeThere = false
  const take = async (session: Session, tables: HistoryTables) => {
    mayBeThere = true
    await takeLease(session, tables, lease).catch((error: { severity?: string }) => {
      mayBeThere = error.severity === undefined && !(error instanceof Failure)
      throw error
    })
  }
  try {
    await ask(run, take, async (session, reader) => {
      const tables = historyTables(session, config)
      // What is left behind costs little, so nothing hangs on it.
      await pruneLeases(reader, tables).catch(() => {})
      await passDoor(run, session, renewing(reader, tables, lease))
    })
    // Somebody may have contracted between the look before and the lease, and was told that nobody is there.
    await check()
    await held(lease)
    emit({ type: 'held', lease: lease.id, version: lease.version, ttlMs: lease.ttlMs })
    // A deadline is for the way here.
    await keep({ ...run, signal: io.signal }, lease, check, mayEnd)
  } finally {
    if (mayBeThere) await release(run, lease)
  }
}

async function keep(run: Run, lease: Lease, check: () => Promise<void>, mayEnd: true | undefined): Promise<void> {
  const { emit, signal } = run
  const everyMs = lease.ttlMs / renewals
  let lived = true
  const renew = async (session: Session, tables: HistoryTables) => {
    lived = (await renewLease(session, tables, lease)) && lived
  }
  const pass = async (session: Session, reader: Session) => {
    if (!lived) await passDoor(quiet, session, renewing(reader, historyTables(session, run.config), lease))
  }
  const quiet = { ...run, emit: unlessOfWaiting(run), config: { ...run.config, waitTimeoutMs: Math.ceil(everyMs) } }
  let renewedAt = performance.now()
  let failing = false
  let restMs = everyMs
  while (await rest(restMs * (0.85 + Math.random() * 0.15), signal, mayEnd)) {
    const begun = performance.now()
    try {
      await ask(quiet, renew, pass)
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

async function release(run: Run, lease: Lease): Promise<void> {
  const signal = AbortSignal.timeout(releaseWithinMs)
  const config = { ...run.config, waitTimeoutMs: releaseWithinMs, authGraceMs: 0 }
  try {
    await ask({ ...run, signal, emit: unlessOfWaiting(run), config }, (session, tables) =>
      releaseLease(session, tables, lease),
    )
    run.emit({ type: 'released', lease: lease.id })
  } catch (error) {
    const why = error instanceof Failure ? (error.facts.reason ?? error.message) : String(error)
    const message = `the lease ${lease.id} could not be given back, so it lasts until it runs out: ${why}`
    run.emit({ type: 'warning', message })
  }
}

/** One connection for one statement: three hundred pods that hold would else have as many sessions. */
async function ask(
  run: Run,
  statement: (session: Session, tables: HistoryTables) => Promise<void>,
  then: (session: Session, reader: Session) => Promise<void> = async () => {},
): Promise<void> {
  const { lockTimeoutMs, target } = run.config
  const { role, searchPath } = target!
  const local = (session: Session) => withLocalSettings(session, { lockTimeoutMs, role, searchPath })
  await withServer(
    run,
    (session) => statement(local(session), historyTables(session, run.config)).catch(notYet),
    (session) => then(session, local(session)),
  )
}

function notYet(error: { code?: string }): never {
  if (error.code !== '42P01' && error.code !== '3F000') throw error
  throw new NotYet('there is no table for leases yet; upfront up of this version makes it')
}

/** Renews it when it is time to, as often as it is called. */
function renewing(session: Session, tables: HistoryTables, lease: Lease): () => Promise<void> {
  let renewedAt = performance.now()
  return async () => {
    if (performance.now() - renewedAt < lease.ttlMs / renewals) return
    await renewLease(session, tables, lease)
    renewedAt = performance.now()
  }
}

function unlessOfWaiting({ emit }: Run): Run['emit'] {
  return (event: Event) => {
    if (event.type !== 'waiting' && event.type !== 'ready') emit(event)
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
