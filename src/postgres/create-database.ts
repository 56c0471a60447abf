import pg from 'pg'
import type { HostPort, Target } from '../config/target.ts'
import { Failure } from '../errors.ts'
import { openSession } from './session.ts'
import type { Encryption } from './socket.ts'

/**
 * Creates the target's database through the database `postgres`, by the right of the user who logs in; it belongs to the
 * role that is to be set, if there is one. Another runner that was faster is fine.
 */
export async function createDatabase(
  target: Target,
  at: HostPort,
  encryption: Encryption,
  applicationName: string,
  signal: AbortSignal,
): Promise<void> {
  const session = await openSession({ ...target, database: 'postgres' }, at, encryption, applicationName, signal)
  try {
    const owner = target.role === undefined ? '' : ` owner ${pg.escapeIdentifier(target.role)}`
    await session.query(`create database ${pg.escapeIdentifier(target.database)}${owner}`)
  } catch (error) {
    const { code } = error as { code?: string }
    if (target.role !== undefined && (code === '42501' || code === '42704')) {
      const cause = Object.assign(error as Error, { code: '42501' })
      const explained = await (await import('./role.ts')).explainRole(session, target.role, cause)
      if (explained instanceof Failure) throw explained
    }
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
