import { Failure } from '../../errors.ts'
import { makePlan } from '../../history/plan.ts'
import type { HistoryRow } from '../../history/rows.ts'
import { pendingAgain } from '../../history/pending-again.ts'
import type { Bundle } from '../../migration.ts'
import { joinNames } from '../../report/failure.ts'
import { type Description, keyOf } from '../../schema/description.ts'
import { type SchemaStory, schemaAfter } from '../../schema/steps.ts'

/** What the database should hold by what its history says. */
export interface Expected {
  readonly schema: Description
  /** The last migration of it; undefined when all of the bundle is applied. */
  readonly upTo?: string
  readonly pending: readonly string[]
}

/**
 * The schema that belongs to the history: of all that is applied, when that is the beginning of the bundle. Throws PENDING
 * when nothing is, MISMATCH when the history has what no step of the bundle describes.
 */
export async function expectedOf(
  story: SchemaStory,
  bundle: Bundle,
  history: readonly HistoryRow[],
): Promise<Expected> {
  const rows = history.filter(({ kind }) => kind === 'migration')
  const all = await bundle.list()
  const { pending, deferred, ahead } = makePlan(all, rows)
  if (ahead.length > 0) {
    throw new Failure('MISMATCH', `the database has migrations that this image does not have: ${joinNames(ahead)}`, {
      next: 'Verify with the image that has applied them: this one does not know the schema that they make.',
    })
  }
  const changed = pendingAgain('repeatable', await bundle.listRepeatable(), history)
  const names = [...pending, ...changed].map(({ name }) => name)
  const without = new Set(deferred.map(({ name }) => name.normalize('NFC')))
  if (names.length === 0) return { schema: known(story, { without }), pending: [] }
  const due = all.filter(({ name }) => !without.has(name.normalize('NFC')))
  const applied = due.slice(0, due.length - pending.length)
  const left = new Set(pending.map(({ name }) => name))
  const last = applied.at(-1)?.name
  if (last === undefined) throw nothingYet(names)
  const gap = applied.find(({ name }) => left.has(name))
  const hasAgain = (await bundle.listRepeatable()).length > 0
  const schema = known(story, { last, without })
  if (!gap) return { schema: hasAgain ? leaveOpen(schema, story) : schema, upTo: last, pending: names }
  throw new Failure('MISMATCH', `${gap.name} is not applied, and later ones are: no step of the bundle is like that`, {
    next: 'Run upfront up first, and verify then.',
  })
}

/** How much of a story has happened. */
interface Happened {
  readonly last?: string
  readonly without: ReadonlySet<string>
}

function known(story: SchemaStory, { last, without }: Happened): Description {
  const schema = schemaAfter(story, last, without)
  if (schema) return schema
  throw new Failure('INVALID', `the schema of the bundle has no step for ${last}`, {
    next: 'Compile it again with --schema.',
  })
}

/** What the last step makes may be there, of now or as it was: those that run again do so after all others. */
function leaveOpen(schema: Description, { steps }: SchemaStory): Description {
  const { put, gone } = steps.at(-1)!
  const open = new Set([...put.map(keyOf), ...gone])
  const objects = schema.objects.filter((one) => !open.has(keyOf(one)) && (one.of === undefined || !open.has(one.of)))
  return { ...schema, objects, given: [...(schema.given ?? []), ...open] }
}

function nothingYet(names: readonly string[]): Failure {
  return new Failure('PENDING', 'none of these migrations is applied here, so there is no schema to be verified', {
    list: names,
    next: 'Is it the database you meant? Run upfront up, or upfront baseline when somebody else has made its schema.',
  })
}
