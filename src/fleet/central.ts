import type { Target } from '../config/database/target.ts'
import { Failure } from '../errors.ts'
import { noWait } from '../postgres/lock.ts'
import type { Session } from '../postgres/session.ts'
import { type RunConnection, newRunConnection } from '../run/connection.ts'
import type { Phase } from '../run/deadline.ts'
import { withReconnection } from '../run/reconnect.ts'
import type { Run } from '../run/run.ts'
import { requirePrimary, withServer } from '../run/server.ts'
import { openStepContext } from '../run/step-context.ts'

/** A session of the central database that is open as long as a fleet is gone through. */
export interface CentralSession {
  readonly session: Session
  readonly close: () => Promise<void>
}

/** Opens one; null where a pooler gives its server process to others, so that no lock holds there. */
export async function holdCentral(
  run: Run,
  central: Target,
  connection: RunConnection = newRunConnection(),
): Promise<CentralSession | null> {
  const phase: Phase = { current: 'waiting for the server' }
  const own = { emit: () => {}, phase, lockWait: noWait(), connection }
  const holding = { ...run, ...own, config: { ...run.config, target: central } }
  return new Promise((resolve, reject) => {
    const over = withServer(holding, requirePrimary, async (session) => {
      await openStepContext(holding, session)
      await new Promise<void>((end) => resolve({ session, close: () => (end(), over) }))
    }).catch((error: unknown) => {
      if (error instanceof Failure && error.code === 'UNSAFE') resolve(null)
      else reject(error)
    })
  })
}

/**
 * The run of a fleet on its central database; without one it is that of the ledger. Throws USAGE when neither is named.
 */
export function onCentral(run: Run): Run {
  const target = run.config.target ?? run.config.fleet.ledger
  if (target !== null) return { ...run, config: { ...run.config, target } }
  throw new Failure('USAGE', run.config.unnamed ?? 'no database is named', {
    next: 'DATABASE_URL names the central database of a fleet, UPFRONT_FLEET_LEDGER_URL the one that keeps its ledger.',
  })
}

/** Asks what only reads, and anew when the connection is lost before the answer is whole. */
export async function askAgain<Answer>(run: Run, ask: (run: Run) => Promise<Answer>): Promise<Answer> {
  let answer!: Answer
  const asking = { run: { ...run, connection: newRunConnection() } }
  await withReconnection(asking, async (one) => void (answer = await ask(one.run)))
  return answer
}

/** The same run where the ledger is kept. */
export function atLedger(run: Run): Run {
  const { ledger } = run.config.fleet
  return ledger === null ? run : { ...run, config: { ...run.config, target: ledger } }
}
