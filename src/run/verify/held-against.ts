import { describeSchema } from '../../catalog/describe.ts'
import { adopterFor } from '../adopt/foreign-history.ts'
import { Failure } from '../../errors.ts'
import { historyTables, ourTables } from '../../history/tables.ts'
import type { Bundle } from '../../migration.ts'
import { type LocalSettings, withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import { type Description, type ObjectKind, keyOf } from '../../schema/description.ts'
import { type Difference, compareSchemas, isSame } from '../../schema/difference.ts'
import { countDifference, differsInInstants, tellDifference } from '../../schema/tell.ts'
import type { Run } from '../run.ts'
import { theirTables } from './their-tables.ts'

/** A difference, and what the role may not see, which may hide another. */
export type Held = Difference & Pick<Description, 'unseen'>

/** Who looks at what: `local` for a session on which nothing is set. */
export interface Looking {
  readonly run: Run
  readonly session: Session
  readonly bundle: Bundle
  readonly local?: LocalSettings
}

/**
 * Reads what the database holds and holds it against what is expected; our own tables and the folder's tool's do not
 * count, nor what stands beside them in a schema that is only theirs. Throws BUSY when somebody's lock is in the way.
 */
export async function holdAgainst({ run, session, bundle, local }: Looking, should: Description): Promise<Held> {
  const { schema, tenant, comparing } = run.config
  const reader = local ? withLocalSettings(session, local) : session
  const expected = tenant ? await (await import('./tenant.ts')).expectedOfTenant(reader, schema, should) : should
  const isClaimed = (kind: ObjectKind, name: string) =>
    expected.objects.some((one) => one.kind === kind && one.name === name)
  const adopter = adopterFor(run.config, bundle)
  const seen = adopter ? await theirTables(reader, adopter) : []
  const found = run.config.tenant ? seen.filter((table) => table.schema === schema) : seen
  // Who makes the tool's table by a migration claims it.
  const theirs = found.filter(({ name }) => !isClaimed('table', name))
  const withoutTables = [...ourTables(historyTables(session, run.config)), ...theirs.map(({ name }) => name)]
  const live = await describeSchema(session, {
    without: [],
    withoutTables,
    ...(tenant ? { only: schema } : {}),
    ...(local ? { local } : {}),
  }).catch(busy)
  const beside = tenant ? new Set<string>() : new Set([schema, ...theirs.map((table) => table.schema)])
  const spaces = live.objects.filter((one) => one.kind === 'schema' && one.schema !== null && beside.has(one.schema))
  const given = [...(expected.given ?? []), ...spaces.filter(({ kind, name }) => !isClaimed(kind, name)).map(keyOf)]
  return { ...compareSchemas({ ...expected, given }, live, comparing), unseen: live.unseen }
}

function busy(error: unknown): never {
  const { code, message } = error as { code?: string; message: string }
  if (code !== '55P03') throw error
  const facts = { sqlstate: code, reason: message, next: 'Verify again when the transaction that holds it has ended.' }
  throw new Failure('BUSY', 'something in the schema is locked by somebody else, so it could not be read', facts, error)
}

/** Throws DRIFT for a difference, DENIED when not everything could be seen; `where` ends the sentence. */
export function refuseDifference(found: Held, where: string): void {
  if (!isSame(found)) {
    throw new Failure('DRIFT', `the live schema is not the one ${where}: ${countDifference(found)}`, {
      list: tellDifference(found),
      next:
        'Find out who changed it. What is missing comes back by a new migration; what may be there besides is named by ' +
        `UPFRONT_VERIFY_EXCLUDE.${found.different.some(differsInInstants) ? ofTimeZone : ''}`,
    })
  }
  refuseUnseen(found)
}

/** Of which nobody has changed anything. */
const ofTimeZone =
  ' Where only an instant differs, a file names a time without its offset, which TimeZone decided when it ran: write ' +
  'the offset, or compile where TimeZone is that of this database (?options=-c%20TimeZone=... in UPFRONT_SHADOW_DATABASE_URL).'

/** Throws DENIED when not everything could be seen. */
export function refuseUnseen({ unseen }: Held): void {
  if (unseen.length === 0) return
  throw new Failure('DENIED', 'what could be seen is as it should be, but this role may not see everything', {
    list: unseen,
    next: 'Verify as a role that may read the catalogs of Postgres.',
  })
}
