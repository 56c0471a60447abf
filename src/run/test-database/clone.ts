import type { Session } from '../../postgres/session.ts'
import { openMigrationsOf, openSeedsOf } from '../folders.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { openStepContext } from '../step-context.ts'
import { copyOwn } from './copy-own.ts'
import { asOwner, createDatabase, dropDatabase, waitUntilEmpty } from './databases.ts'
import { templateKey } from './key.ts'
import { cloneName } from './marks.ts'
import { explainDrop, explainNoServer, explainRefusal } from './refusals.ts'
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
    await asOwner(session, run.config.target!.role, () => dropDatabase(session, name)).catch(async (error: unknown) => {
      throw await explainDrop(session, name, error)
    })
  })
}

/** Drops all of them in which nobody is; answers their names. */
export function dropAll(run: Run): Promise<string[]> {
  return onServer(run, (session) => dropOurs(run, session, () => true))
}

/** A session of the server, of the user who logs in: the role of the run owns what is made, but need not be able to make it. */
function onServer<T>(run: Run, use: (session: Session) => Promise<T>): Promise<T> {
  const prepared = async (session: Session) => {
    // No time-out of the role ends it, and no pooler shares the session, on which no lock would hold.
    await openStepContext(asLogin(run), session)
    return use(session)
  }
  return withServer(asLogin(run), requirePrimary, prepared).catch((error: unknown) => {
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
    const mark = { kind: 'clone', key, from: database, used: Date.now() } as const
    await createDatabase(run, session, { name, mark, template: template.name })
  } catch (error) {
    if ((error as { code?: string }).code === missing && !isLast) return false
    throw await explainRefusal(session, template.name, error)
  }
  try {
    if (template.hasOwn) await asOwner(session, role, () => copyOwn(session, template.name, name))
  } catch (error) {
    await session.query('rollback').catch(() => {})
    await asOwner(session, role, () => dropDatabase(session, name)).catch(() => {})
    throw error
  }
  return true
}

const missing = '3D000'
