import { randomUUID } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { type Lease, pruneLeases, releaseLease, takeLease } from '../../history/leases.ts'
import { type HistoryTables, historyTables } from '../../history/tables.ts'
import type { Bundle } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { askForLease, unlessOfWaiting } from './ask-for-lease.ts'
import { passDoor } from './door.ts'
import { type Keeping, keepLease, renewing } from './keep-lease.ts'

/** What is done while a lease is held. */
export interface Holding extends Keeping {
  /** When the wait began, of which the way to the lease is a part. */
  readonly begun: number
}

const releaseWithinMs = 5_000

/**
 * Takes a lease for this bundle and keeps it until the run is asked to stop, then gives it back and resolves. Once held, no
 * lost database ends it: it goes on trying, and takes the lease again when that has run out.
 */
export async function holdLease(run: Run, bundle: Bundle, holding: Holding): Promise<void> {
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
  // 0 would be without limit.
  const leftMs = () =>
    config.waitTimeoutMs === 0 ? 0 : Math.max(config.waitTimeoutMs - (performance.now() - holding.begun), 1)
  let mayBeThere = false
  const take = async (session: Session, tables: HistoryTables) => {
    mayBeThere = true
    await takeLease(session, tables, lease).catch((error: { severity?: string }) => {
      mayBeThere = error.severity === undefined && !(error instanceof Failure)
      throw error
    })
  }
  try {
    await askForLease(run, take, async (session, reader) => {
      const tables = historyTables(session, config)
      // What is left behind costs little, so nothing hangs on it.
      await pruneLeases(reader, tables).catch(() => {})
      await passDoor(run, session, leftMs(), renewing(reader, tables, lease))
    })
    // Somebody may have contracted between the look before and the lease, and was told that nobody is there.
    await holding.check()
    await holding.held(lease)
    emit({ type: 'held', lease: lease.id, version: lease.version, ttlMs: lease.ttlMs })
    // A deadline is for the way here.
    await keepLease({ ...run, signal: io.signal }, lease, holding)
  } finally {
    if (mayBeThere) {
      holding.ended?.()
      await release(run, lease)
    }
  }
}

async function release(run: Run, lease: Lease): Promise<void> {
  const signal = AbortSignal.timeout(releaseWithinMs)
  const config = { ...run.config, waitTimeoutMs: releaseWithinMs, authGraceMs: 0 }
  try {
    await askForLease({ ...run, signal, emit: unlessOfWaiting(run), config }, (session, tables) =>
      releaseLease(session, tables, lease),
    )
    run.emit({ type: 'released', lease: lease.id })
  } catch (error) {
    const why = error instanceof Failure ? (error.facts.reason ?? error.message) : String(error)
    const message = `the lease ${lease.id} could not be given back, so it lasts until it runs out: ${why}`
    run.emit({ type: 'warning', message })
  }
}
