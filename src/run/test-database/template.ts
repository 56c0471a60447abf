import { noWait, withLock } from '../../postgres/lock.ts'
import type { Session } from '../../postgres/session.ts'
import { newRunConnection } from '../connection.ts'
import type { Run } from '../run.ts'
import { asOwner, createDatabase, dropDatabase, findDatabase, markDatabase, waitUntilEmpty } from './databases.ts'
import { templateLock, templateName } from './marks.ts'
import { explainRefusal } from './refusals.ts'
import { dropLeftOver } from './sweep.ts'

/** Migrates and seeds the database of a run, as `up` does. */
export type Migrate = (run: Run) => Promise<unknown>

/** What is known of a template that can be copied. */
export interface Template {
  readonly name: string
  /** Whether it has settings or privileges that no copy of it gets by itself. */
  readonly hasOwn: boolean
}

const touchAfterMs = 3_600_000

/**
 * The template with that key, made when there is none: by one run at a time, whose lock on this very session says that
 * it lives, so that one without a mark is what a killed run has left.
 */
export async function ensureTemplate(run: Run, session: Session, key: string, migrate: Migrate): Promise<Template> {
  const { config, emit, signal } = run
  const name = templateName(key)
  const found = await findReady(session, name, key)
  if (found) {
    if (Date.now() - found.used > touchAfterMs) {
      await touch(run, session, key)
      await dropLeftOver(run, session, key)
    }
    return found
  }
  run.phase.current = 'waiting for the lock'
  const lock = { key: templateLock(key), waitMs: config.lockWaitMs, wait: run.lockWait, emit, signal }
  const isDone = async () => (await findReady(session, name, key)) !== null
  await withLock(session, lock, isDone, async () => {
    if (await isDone()) return
    run.phase.current = 'applying'
    await makeTemplate(run, session, key, migrate)
    await dropLeftOver(run, session, key)
  })
  return (await findReady(session, name, key)) ?? { name, hasOwn: false }
}

async function findReady(session: Session, name: string, key: string) {
  const found = await findDatabase(session, name)
  if (found?.mark?.kind !== 'template' || found.mark.key !== key) return null
  return { name, hasOwn: found.hasOwn, used: found.mark.used }
}

async function makeTemplate(run: Run, session: Session, key: string, migrate: Migrate): Promise<void> {
  const { role, database } = run.config.target!
  const name = templateName(key)
  const quoted = session.client.escapeIdentifier(name)
  try {
    await asOwner(session, role, () => dropDatabase(session, name))
    await createDatabase(run, session, { name, mark: { kind: 'half', key, from: database, used: Date.now() } })
  } catch (error) {
    const busy = (error as { code?: string }).code === '55006' ? 'template1' : name
    throw await explainRefusal(session, busy, error)
  }
  try {
    await migrate(inside(run, name))
    await asOwner(session, role, async () => {
      await session.query(`alter database ${quoted} allow_connections false`)
      await session.query(`alter database ${quoted} is_template true`)
      await endSessions(run, session, name)
      // Last, because it says that all of it is done.
      await markDatabase(session, name, { kind: 'template', key, from: database, used: Date.now() })
    })
  } catch (error) {
    await asOwner(session, role, () => dropDatabase(session, name)).catch(() => {})
    throw error
  }
}

/** Whoever has come in while it was made, and stays, would keep it from being copied. */
async function endSessions(run: Run, session: Session, name: string): Promise<void> {
  await waitUntilEmpty(run, session, name)
  const end = 'select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = $1'
  // A session of a superuser is not ours to end.
  await session.query(end, [name]).catch(() => {})
}

/** The same run without the role that is to own what it makes, and in nobody's schema. */
export function asLogin(run: Run): Run {
  const target = { ...run.config.target!, role: undefined, searchPath: undefined }
  return { ...run, config: { ...run.config, target } }
}

/** The same run in that database, which is for tests, and which nobody else makes. */
function inside(run: Run, database: string): Run {
  const { target } = run.config
  const { renew } = target!
  const renewed = renew && { renew: async (at?: Parameters<typeof renew>[0]) => ({ ...(await renew(at)), database }) }
  const config = {
    ...run.config,
    target: { ...target!, database, ...renewed },
    environment: 'test',
    createDatabase: false,
  }
  const phase = { current: 'waiting for the server' } as const
  return { ...run, config, flags: {}, phase, lockWait: noWait(), connection: newRunConnection() }
}

/** Notes that it is in use, so that nobody takes it for left over; that somebody else does so too is fine. */
async function touch(run: Run, session: Session, key: string): Promise<void> {
  const { role, database } = run.config.target!
  const mark = { kind: 'template', key, from: database, used: Date.now() } as const
  await asOwner(session, role, () => markDatabase(session, templateName(key), mark)).catch(() => {})
}
