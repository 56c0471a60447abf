import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { type OurDatabase, asOwner, dropDatabase, listDatabases } from './databases.ts'

const unusedMs = 24 * 3_600_000

/** Drops what earlier bundles and killed runs have left for a day; that it cannot is no failure of the run. */
export async function dropLeftOver(run: Run, session: Session, key: string): Promise<void> {
  const isOld = ({ mark }: OurDatabase) => mark !== null && mark.key !== key && Date.now() - mark.used > unusedMs
  await dropOurs(run, session, isOld).catch(() => {})
}

/** Drops those of our databases that are chosen and in which nobody is; answers their names. */
export async function dropOurs(
  run: Run,
  session: Session,
  choose: (database: OurDatabase) => boolean,
): Promise<string[]> {
  const { role, database: from } = run.config.target!
  return asOwner(session, role, async () => {
    const ours = (await listDatabases(session)).filter(({ mark, sessions }) => mark?.from === from && sessions === 0)
    const dropped: string[] = []
    for (const database of ours.filter(choose)) {
      await dropDatabase(session, database.name)
      dropped.push(database.name)
    }
    return dropped
  })
}
