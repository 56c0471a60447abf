import { Failure } from '../../errors.ts'
import type { Bundle, Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { schemaAfter } from '../../schema/steps.ts'
import { countDifference, tellDifference } from '../../schema/tell.ts'
import { openSchemaOf } from '../folders.ts'
import type { Run } from '../run.ts'
import { holdAgainst, refuseUnseen } from './held-against.ts'

/**
 * Holds what is there against the schema that the last of these migrations leaves, before they are recorded as applied;
 * does nothing when the bundle has no schema, or when they are not its beginning. Throws DRIFT for what is missing or
 * different, DENIED for what may not be seen: what is there besides may be anybody's.
 */
export async function proveApplied(
  run: Run,
  session: Session,
  bundle: Bundle,
  recorded: readonly Identity[],
): Promise<void> {
  const story = run.config.verify === 'off' ? null : await openSchemaOf(run)
  const all = await bundle.list()
  const names = new Set(recorded.map(({ name }) => name.normalize('NFC')))
  const last = all.findLast(({ name }) => names.has(name.normalize('NFC')))
  const isBeginning = all.slice(0, names.size).every(({ name }) => names.has(name.normalize('NFC')))
  const expected = story && last && isBeginning ? schemaAfter(story, last.name) : null
  if (!expected) return
  const held = await holdAgainst({ run, session, bundle }, expected)
  const { missing, different } = held
  const found = { missing, different, unexpected: [], compared: 0, notCompared: [] }
  if (missing.length + different.length === 0) return refuseUnseen(held)
  throw new Failure('DRIFT', `this database does not have what ${last!.name} leaves: ${countDifference(found)}`, {
    list: tellDifference(found),
    next:
      'Record only what is there (--to an earlier one), or make what is missing first. To record it all the same: ' +
      '--against-catalog for baseline, UPFRONT_VERIFY=off for up.',
  })
}
