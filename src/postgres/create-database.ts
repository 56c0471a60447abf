import pg from 'pg'
import type { HostPort, Target } from '../config/target.ts'
import { Failure } from '../errors.ts'
import { openSession } from './session.ts'
import type { Encryption } from './socket.ts'

/** Creates the target's database through the database `postgres`; another runner that was faster is fine. */
export async function createDatabase(
  target: Target,
  at: HostPort,
  encryption: Encryption,
  applicationName: string,
  signal: AbortSignal,
): Promise<void> {
  const session = await openSession({ ...target, database: 'postgres' }, at, encryption, applicationName, signal)
  try {
    await session.query(`create database ${pg.escapeIdentifier(target.database)}`)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === '42501') throw mayNot(target, error)
    if (code !== '42P04' && code !== '23505') throw error
  } finally {
    session.close()
  }
}

function mayNot(target: Target, error: unknown): Failure {
  return new Failure(
    'DENIED',
    `the database ${target.database} does not exist, and the role ${target.user} may not create it`,
    {
      sqlstate: '42501',
      reason: (error as Error).message,
      next: `As a superuser: alter role ${pg.escapeIdentifier(target.user)} createdb; or create the database yourself.`,
    },
    error,
  )
}
