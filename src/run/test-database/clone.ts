import type { Session } from '../../postgres/session.ts'
import { pause } from '../../postgres/pause.ts'
import { openMigrationsOf, openSeedsOf } from '../folders.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { copyOwn } from './copy-own.ts'
import { asOwner, createDatabase, dropDatabase, markDatabase } from './databases.ts'
import { templateKey } from './key.ts'
import { cloneName } from './marks.ts'
import { explainNoServer, explainRefusal } from './refusals.ts'
import { dropOurs } from './sweep.ts'
import { type Migrate, type Template, asLogin, ensureTemplate } from './template.ts'

/** Makes a database that has every migration and the seeds that were asked for; answers its name. */
export async function cloneForTest(run: Run, migrate: Migrate): Promise<string> {
  const key = templateKey(run, await openMigrationsOf(run), await openSeedsOf(run))
  const name = cloneName(key)
  for (let tries = 1; ; tries += 1) {
    const made = await onServer(run, async (session) => {
      const template = await ensureTemplate(run, session, key, migrate)
      return clone(run, session, { template, name, key, isLast: tries === mostTries })
    })
    if (made) return name
  }
}

/** Drops it, and ends the sessions that are still in it after a moment. */
export async function dropClone(run: Run, name: string): Promise<void> {
  await onServer(run, async (session) => {
    await waitUntilEmpty(run, session, name)
    await asOwner(session, run.config.target!.role, () => dropDatabase(session, name))
  })
}

const leavingMs = 2_000

/** A pool that has been ended is still on its way: cut off now, it would throw in the middle of a test. */
async function waitUntilEmpty(run: Run, session: Session, name: string): Promise<void> {
  for (const until = performance.now() + leavingMs; performance.now() < until; await pause(5, run.signal)) {
    const sessions = await session.query('select from pg_catalog.pg_stat_activity where datname = $1 limit 1', [name])
    if (sessions.length === 0) return
  }
}

/** Drops all of them in which nobody is; answers their names. */
export function dropAll(run: Run): Promise<string[]> {
  return onServer(run, (session) => dropOurs(run, session, () => true))
}

/** A session of the server, of the user who logs in: the role of the run owns what is made, but need not be able to make it. */
function onServer<T>(run: Run, use: (session: Session) => Promise<T>): Promise<T> {
  return withServer(asLogin(run), requirePrimary, use).catch((error: unknown) => {
    throw explainNoServer(error)
  })
}

interface Cloning {
  readonly template: Template
  readonly name: string
  readonly key: string
  readonly isLast: boolean
}

const mostTries = 3

/** Resolves with whether it is made: false when the template has just been dropped, and has to be made once more. */
async function clone(run: Run, session: Session, { template, name, key, isLast }: Cloning): Promise<boolean> {
  const { role, database } = run.config.target!
  try {
    await createDatabase(run, session, name, template.name)
  } catch (error) {
    if ((error as { code?: string }).code === missing && !isLast) return false
    throw await explainRefusal(session, template.name, error)
  }
  try {
    await asOwner(session, role, async () => {
      if (template.hasOwn) await copyOwn(session, template.name, name)
      await markDatabase(session, name, { kind: 'clone', key, from: database, used: Date.now() })
    })
  } catch (error) {
    await session.query('rollback').catch(() => {})
    await asOwner(session, role, () => dropDatabase(session, name)).catch(() => {})
    throw error
  }
  return true
}

const missing = '3D000'
