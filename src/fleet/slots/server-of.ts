import type { Target } from '../../config/database/target.ts'
import { readBackend } from '../../postgres/backend.ts'
import type { Session } from '../../postgres/session.ts'
import { newRunConnection } from '../../run/connection.ts'
import type { Phase } from '../../run/deadline.ts'
import type { Run } from '../../run/run.ts'
import { requireAnswer, withServer } from '../../run/server.ts'

/** What a server is called here: by its system identifier, because one server may have many names. */
export type ServerOf = (target: Target) => Promise<string>

/**
 * Answers which server a target is on. Each address is asked once, one after the other, and those that are the central
 * database's by way of its open session; by its address where that cannot be told.
 */
export function makeServerOf(run: Run, central: Target | null): (session: Session | null) => ServerOf {
  const known = new Map<string, Promise<string>>()
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const next = last.then(ask, ask)
    last = next
    return next
  }
  return (session) => (target) => {
    const address = addressOf(target)
    const isCentral = session !== null && central !== null && addressOf(central) === address
    const ask = async () => (isCentral ? await systemOf(session) : await inTurn(() => askAt(run, target))) ?? address
    const found = known.get(address) ?? ask()
    known.set(address, found)
    return found.catch(() => {
      // The target's own run says what is wrong with it.
      known.delete(address)
      return address
    })
  }
}

/** Others wait behind this one, and the target's own run has all the patience that is asked for. */
const longestAskMs = 3_000

function addressOf({ hosts }: Target): string {
  return hosts.map(({ host, port, address }) => `${address ?? host}:${port}`).join()
}

async function systemOf(session: Session): Promise<string | null> {
  return (await readBackend(session)).server.system
}

function askAt(run: Run, target: Target): Promise<string | null> {
  const phase: Phase = { current: 'waiting for the server' }
  const { waitTimeoutMs: wait } = run.config
  const waitTimeoutMs = wait === 0 ? longestAskMs : Math.min(wait, longestAskMs)
  const config = { ...run.config, target, waitTimeoutMs, authGraceMs: 0 }
  const asking = { ...run, emit: () => {}, phase, connection: newRunConnection(), config }
  return withServer(asking, requireAnswer, systemOf)
}
