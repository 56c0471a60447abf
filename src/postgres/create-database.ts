import pg from 'pg'
import type { HostPort, Target } from '../config/target.ts'
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
    if (code !== '42P04' && code !== '23505') throw error
  } finally {
    session.close()
  }
}
