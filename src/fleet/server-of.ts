import type { Target } from '../config/database/target.ts'
import { readBackend } from '../postgres/backend.ts'
import type { Session } from '../postgres/session.ts'
import { newRunConnection } from '../run/connection.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'

/** What a server is called here: by its system identifier, because one server may have many names. */
export type ServerOf = (target: Target) => Promise<string>

/**
 * Answers which server a target is on. Each address is asked once, one after the other, and those that are the central
 * database's by way of its open session; by its address where that cannot be told.
 */
export function makeServerOf(run: Run, central: Target | null): (session: Session | null) => ServerOf {
  const known = new Map<string, Promise<string>>()
  let last: Promise<unknown> = Promise.resolve()
  return (session) => (target) => {
    const address = addressOf(target)
    const isCentral = session !== null && central !== null && addressOf(central) === address
    const ask = () => (isCentral ? systemOf(session) : askAt(run, target)).then((system) => system ?? address)
    const found = known.get(address) ?? ((last = last.then(ask)) as Promise<string>)
    known.set(address, found)
    return found.catch(() => {
      // The target's own run says what is wrong with it.
      known.delete(address)
      last = Promise.resolve()
      return address
    })
  }
}

function addressOf({ hosts }: Target): string {
  return hosts.map(({ host, port, address }) => `${address ?? host}:${port}`).join()
}

async function systemOf(session: Session): Promise<string | null> {
  return (await readBackend(session)).server.system
}

function askAt(run: Run, target: Target): Promise<string | null> {
  const asking = { ...run, emit: () => {}, connection: newRunConnection(), config: { ...run.config, target } }
  return withServer(asking, requireAnswer, systemOf)
}
