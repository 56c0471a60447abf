import pg from 'pg'
import type { HostPort, Target } from '../../config/database/target.ts'
import { Failure } from '../../errors.ts'
import { type Session, openSession } from '../session.ts'
import type { Encryption } from './socket.ts'

/** How to reach the server, and what bounds the opening of a session and all of it. */
export interface CreateDatabaseOptions {
  readonly at: HostPort
  readonly encryption: Encryption
  readonly applicationName: string
  readonly opening: AbortSignal
  readonly whole: AbortSignal
}

/**
 * Creates the target's database as the user who logs in; its owner is the role of the target, if there is one. It is
 * fine when another runner was faster.
 */
export async function createDatabase(target: Target, options: CreateDatabaseOptions): Promise<void> {
  const session = await openMaintenanceSession(target, options)
  // Creating may take long, but not longer than the whole wait.
  const onAbort = () => session.close('the wait for the server is over')
  options.whole.addEventListener('abort', onAbort, { once: true })
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
    options.whole.removeEventListener('abort', onAbort)
    session.close()
  }
}

/** A session of a database that every server has: `postgres`, unless somebody dropped it. */
async function openMaintenanceSession(
  target: Target,
  { at, encryption, applicationName, opening }: CreateDatabaseOptions,
): Promise<Session> {
  const open = (database: string) => openSession({ ...target, database }, { at, encryption, applicationName }, opening)
  try {
    return await open('postgres')
  } catch (error) {
    if ((error as { code?: string }).code !== '3D000') throw error
    return open('template1')
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
