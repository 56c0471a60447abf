import type { Target } from '../config/database/target.ts'
import { Failure } from '../errors.ts'
import { historyTables } from '../history/tables.ts'
import { retryIfCancelled } from '../postgres/cancel.ts'
import type { Session } from '../postgres/session.ts'
import { newRunConnection } from '../run/connection.ts'
import type { Run } from '../run/run.ts'
import { explainSessionError } from '../run/session-errors.ts'
import { type CentralSession, holdCentral } from './central.ts'

/** The central database is at fault and no tenant: it ends the run of a fleet. */
export class CentralFailure extends Failure {}

/** A session of the central database that is opened again when it was lost. */
export interface Central {
  /**
   * Asks, and again on the next session when that one was lost meanwhile; so it has to bear being asked twice. Throws a
   * CentralFailure when there is no next one within the wait for a server.
   */
  ask<Result>(question: (session: Session) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

const mostLosses = 5

/** Opens one; null where a pooler gives its server process to others. */
export async function keepCentral(run: Run, target: Target): Promise<Central | null> {
  // One for all sessions, so that an address which leads to another cluster by then is noticed.
  const connection = newRunConnection()
  const first = await holdCentral(run, target, connection)
  if (first === null) return null
  let held: Promise<CentralSession> | undefined = Promise.resolve(first)
  let gone: CentralFailure | undefined

  const open = async (): Promise<CentralSession> => {
    const next = await holdCentral(run, target, connection)
    if (next === null) throw pooled()
    return next
  }
  const giveUp = (failure: Failure): CentralFailure => (gone ??= ofCentral(failure))
  const get = async (): Promise<CentralSession> => {
    if (gone !== undefined) throw gone
    try {
      return await (held ??= open())
    } catch (error) {
      run.signal.throwIfAborted()
      throw error instanceof Failure ? giveUp(error) : error
    }
  }
  return {
    async ask(question) {
      for (let losses = 0; ;) {
        const { session, close } = await get()
        try {
          return await retryIfCancelled(run.signal, () => question(session))
        } catch (error) {
          const explained = await explainSessionError(error, session, historyTables(session, run.config))
          if (!(explained instanceof Failure)) throw explained
          if (explained.code !== 'LOST' || run.signal.aborted || (losses += 1) > mostLosses) throw giveUp(explained)
          await close()
          held = undefined
        }
      }
    },
    close: async () => {
      await (await held?.catch(() => undefined))?.close()
    },
  }
}

/** A failure of the central database, with the code for what is lost when it had been there before. */
export function ofCentral(failure: Failure): CentralFailure {
  if (failure instanceof CentralFailure) return failure
  const code = failure.code === 'NOT_READY' ? 'LOST' : failure.code
  return new CentralFailure(code, `the central database of the fleet: ${failure.message}`, failure.facts, failure)
}

/** Why there is no ledger behind such a pooler. */
export function pooled(): Failure {
  return new Failure('UNSAFE', 'the ledger of a fleet cannot be kept through a pooler in transaction mode', {
    next: 'Connect to the central database itself (UPFRONT_DATABASE_URL), or to the pooler in session mode.',
  })
}
