import { Failure } from '../../errors.ts'
import { historyTables } from '../../history/tables.ts'
import type { Bundle } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { type Description, type SchemaObject, keyOf } from '../../schema/description.ts'
import { startJob } from '../job.ts'
import { migrate } from '../up/migrate.ts'
import { revertAll } from '../revert-all.ts'
import type { Run } from '../run.ts'
import { openStepContext } from '../step-context.ts'
import type { Describe } from './describing.ts'

/** The empty database on which it is told, and what is to be told. */
export interface Stage {
  readonly run: Run
  readonly session: Session
  readonly describe: Describe
  readonly bundle: Bundle
  /** The keys of what is there and not claimed. */
  readonly given: ReadonlySet<string>
  /** Whether the schema of our tables was there before them. */
  readonly hasOwn: boolean
}

/** Applies all up to that migration; without a name all there is, those included that run again whenever they have changed. */
export async function upTo({ run, session, bundle }: Stage, name?: string): Promise<void> {
  const versioned = name === undefined ? bundle : { ...bundle, listRepeatable: async () => [] }
  const flags: Run['flags'] = name === undefined ? {} : { to: name }
  await orInvalid('on an empty database', () => migrate(startJob({ ...run, flags }, 'up', versioned, null), session))
}

/** Takes the newest migration back; throws INVALID when its down does not run. */
export async function takeBack({ run, session, bundle }: Stage, name: string): Promise<void> {
  await orInvalid(`the down of ${name}`, async () => {
    const on = await openStepContext(run, session)
    const tables = historyTables(session, run.config)
    await revertAll(startJob(run, 'down', bundle, null), tables, on, (rows) => rows.slice(0, 1))
  })
}

const isOfTheFile: ReadonlySet<string> = new Set(['FAILED', 'PARTIAL', 'DENIED', 'INVALID', 'REFUSED'])

/** What a database makes of a file is a mistake in the file here, because nobody has the database but us. */
async function orInvalid(where: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Failure) || !isOfTheFile.has(error.code)) throw error
    throw new Failure('INVALID', `${where}: ${error.message}`, error.facts, error)
  }
}

/** What is there now and claimed. */
export async function readClaimed({ run, describe, given, hasOwn }: Stage): Promise<Description> {
  const all = await describe()
  const isGiven = (one: SchemaObject) => given.has(keyOf(one))
  const isOwn = ({ kind, schema, of }: SchemaObject) =>
    !hasOwn && schema === run.config.schema && (kind === 'schema' || of?.startsWith('schema '))
  return { ...all, objects: all.objects.filter((one) => !isGiven(one) && !isOwn(one)) }
}
