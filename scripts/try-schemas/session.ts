import { parseConnection } from '../../src/config/database/connection.ts'
import { type Session, openSession } from '../../src/postgres/session.ts'

/** A session of ours on the database of a URL, without anything set on it. */
export async function openForScript(url: string): Promise<Session> {
  const target = parseConnection(url, {}, 'the command line')
  if (typeof target === 'string') throw new Error(target)
  const way = { at: target.hosts[0]!, encryption: 'never', applicationName: 'upfront/try-schemas' } as const
  return openSession(target, way, AbortSignal.timeout(60_000))
}
