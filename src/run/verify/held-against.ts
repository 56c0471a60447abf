import { describeSchema } from '../../catalog/describe.ts'
import { adopterFor } from '../adopt/foreign-history.ts'
import { Failure } from '../../errors.ts'
import type { Bundle } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Description } from '../../schema/description.ts'
import { type Difference, compareSchemas, isSame } from '../../schema/difference.ts'
import { countDifference, tellDifference } from '../../schema/tell.ts'
import type { Run } from '../run.ts'

/** A difference, and what the role may not see, which may hide another. */
export type Held = Difference & Pick<Description, 'unseen'>

/** Reads what the database holds and holds it against what is expected; our own tables and the folder's tool's do not count. */
export async function holdAgainst(run: Run, session: Session, bundle: Bundle, expected: Description): Promise<Held> {
  const { schema, comparing } = run.config
  const theirs = await adopterFor(run.config, bundle)?.read(session)
  const withoutTables = theirs ? [theirs.table] : []
  const live = await describeSchema(session, { without: [schema], withoutTables })
  return { ...compareSchemas(expected, live, comparing), unseen: live.unseen }
}

/** Throws DRIFT for a difference, DENIED when not everything could be seen; `where` ends the sentence. */
export function refuseDifference(found: Held, where: string): void {
  if (!isSame(found)) {
    throw new Failure('DRIFT', `the live schema is not the one ${where}: ${countDifference(found)}`, {
      list: tellDifference(found),
      next:
        'Find out who changed it. What is missing comes back by a new migration; what may be there besides is named by ' +
        'UPFRONT_VERIFY_EXCLUDE.',
    })
  }
  if (found.unseen.length === 0) return
  throw new Failure('DENIED', 'what could be seen is as it should be, but this role may not see everything', {
    list: found.unseen,
    next: 'Verify as a role that may read the catalogs of Postgres.',
  })
}
