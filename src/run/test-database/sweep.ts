import { tryLock } from '../../postgres/lock.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { type OurDatabase, asOwner, dropDatabase, listDatabases } from './databases.ts'
import { templateLock } from './marks.ts'

const unusedMs = 24 * 3_600_000

/** Drops what earlier bundles and killed runs have left for a day; that it cannot is no failure of the run. */
export async function dropLeftOver(run: Run, session: Session, key: string): Promise<void> {
  const isOld = ({ mark }: OurDatabase) =>
    mark !== null && (mark.kind === 'clone' || mark.key !== key) && Date.now() - mark.used > unusedMs
  await dropOurs(run, session, isOld).catch(() => {})
}

/** Drops those of our databases that are chosen, in which nobody is and which nobody makes; answers their names. */
export async function dropOurs(
  run: Run,
  session: Session,
  choose: (database: OurDatabase) => boolean,
): Promise<string[]> {
  const { role, database: from } = run.config.target!
  return asOwner(session, role, async () => {
    const ours = (await listDatabases(session)).filter(({ mark, sessions }) => mark?.from === from && sessions === 0)
    const dropped: string[] = []
    for (const database of ours.filter(choose)) if (await dropUnused(session, database)) dropped.push(database.name)
    return dropped
  })
}

/** Answers whether it is gone by our doing: not when somebody has come in, or has dropped it at the same time. */
async function dropUnused(session: Session, { name, mark }: OurDatabase): Promise<boolean> {
  // Held by who makes a template too; and Postgres ends the session that alters what another is dropping.
  const lock = mark === null || mark.kind === 'clone' ? undefined : templateLock(mark.key)
  if (lock !== undefined && !(await tryLock(session, lock))) return false
  try {
    await dropDatabase(session, name, 'if empty')
    return true
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (!passing.has(code)) throw error
    const quoted = session.client.escapeIdentifier(name)
    if (code === inUse && mark?.kind === 'template') await session.query(`alter database ${quoted} is_template true`)
    return false
  } finally {
    if (lock !== undefined) await session.query(`select pg_catalog.pg_advisory_unlock(${lock})`).catch(() => {})
  }
}

const inUse = '55006'

/** In use, not there any more, altered by another at the same time. */
const passing = new Set([inUse, '3D000', 'XX000'])
