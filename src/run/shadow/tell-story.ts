import { describeSchema } from '../../catalog/describe.ts'
import { Failure, type Problem } from '../../errors.ts'
import type { Event } from '../../events.ts'
import { historyTables } from '../../history/tables.ts'
import type { Bundle, Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { type Description, type SchemaObject, keyOf } from '../../schema/description.ts'
import { compareSchemas, isSame } from '../../schema/difference.ts'
import { type SchemaStep, type SchemaStory, stepBetween } from '../../schema/steps.ts'
import { tellDifference } from '../../schema/tell.ts'
import { startJob } from '../job.ts'
import { migrate } from '../migrate.ts'
import { loadModule } from '../modules/module.ts'
import { revertAll } from '../revert-all.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { openStepContext } from '../step-context.ts'
import { withScratchDatabase } from './scratch.ts'

/** How a story is to be told. */
export interface Telling {
  /** Whether each down is run as well, and its migration again. */
  readonly downs: boolean
  /** SQL that runs before the first migration: the roles and schemas that the platform makes, and that nobody claims. */
  readonly before: readonly string[]
}

/** The story, and the downs that leave something behind or take too much. */
export interface Told {
  readonly story: SchemaStory
  readonly findings: readonly Problem[]
}

/**
 * Applies the migrations of a bundle one by one to an empty database, and reads after each what the schema is. Throws
 * INVALID when one does not run there, or makes another schema the second time.
 */
export async function tellStory(run: Run, bundle: Bundle, telling: Telling): Promise<Told> {
  const emit = (event: Event) => {
    if (event.type === 'notice' || event.type === 'warning') run.emit(event)
  }
  return withScratchDatabase(run, emit, (on) =>
    withServer(on, requirePrimary, async (session) => {
      const empty = await describe(on, session)
      for (const sql of telling.before) await session.query(sql)
      const given = await describe(on, session)
      const was = new Set(empty.objects.map(keyOf))
      const keys = new Set(given.objects.map(keyOf).filter((key) => !was.has(key)))
      const own = given.objects.find(({ kind, schema }) => kind === 'schema' && schema === on.config.schema)
      const told = await tell({ run: on, session, bundle, given: keys, hasOwn: own !== undefined }, telling.downs)
      const notModelled = told.story.notModelled.filter((words) => !given.notModelled.includes(words))
      return { ...told, story: { ...told.story, notModelled } }
    }),
  )
}

/** The empty database on which it is told, and what is to be told. */
interface Stage {
  readonly run: Run
  readonly session: Session
  readonly bundle: Bundle
  /** The keys of what is there and not claimed. */
  readonly given: ReadonlySet<string>
  /** Whether the schema of our tables was there before them. */
  readonly hasOwn: boolean
}

async function tell(stage: Stage, downs: boolean): Promise<Told> {
  const { bundle } = stage
  const steps: SchemaStep[] = []
  const findings: Problem[] = []
  let before = await readClaimed(stage)
  const add = (name: string, after: Description) => {
    steps.push(stepBetween(name.normalize('NFC'), steps.length === 0 ? [] : before.objects, after.objects))
    before = after
  }
  for (const one of await bundle.list()) {
    await upTo(stage, one.name)
    const after = await readClaimed(stage)
    if (downs && (await hasDown(bundle, one))) findings.push(...(await downAndUp(stage, one.name, before, after)))
    add(one.name, after)
  }
  const last = (await bundle.listRepeatable()).at(-1)
  if (last) {
    await upTo(stage)
    add(last.name, await readClaimed(stage))
  }
  const { major, notModelled } = before
  const given = stage.given.size > 0 ? { given: [...stage.given].sort() } : {}
  return { story: { major, notModelled, ...given, steps }, findings }
}

/** Without a name all there is, those included that run again whenever they have changed. */
async function upTo({ run, session, bundle }: Stage, name?: string): Promise<void> {
  const versioned = name === undefined ? bundle : { ...bundle, listRepeatable: async () => [] }
  const flags: Run['flags'] = name === undefined ? {} : { to: name }
  await orInvalid('on an empty database', () => migrate(startJob({ ...run, flags }, 'up', versioned, null), session))
}

async function hasDown(bundle: Bundle, one: Identity): Promise<boolean> {
  const { sql, module } = await bundle.openDown(one)
  if (sql !== null || module === null) return sql !== null
  return (await loadModule(module, one.file)).down !== undefined
}

/** Takes the newest back and applies it again; answers what the way back leaves, and throws when the way forth leads elsewhere then. */
async function downAndUp(stage: Stage, name: string, before: Description, after: Description): Promise<Problem[]> {
  const { run, session, bundle } = stage
  await orInvalid(`the down of ${name}`, async () => {
    const on = await openStepContext(run, session)
    const tables = historyTables(session, run.config.schema)
    await revertAll(startJob(run, 'down', bundle, null), tables, on, (rows) => rows.slice(0, 1))
  })
  const left = tellAll(before, await readClaimed(stage))
  await upTo(stage, name)
  const second = tellAll(after, await readClaimed(stage))
  if (second.length > 0) {
    throw new Failure('INVALID', `${name}, taken back and applied again, makes another schema than the first time`, {
      list: second,
      next: 'Mend its down, so that all of it can be made again.',
    })
  }
  return left.length === 0
    ? []
    : [{ what: `the down of ${name} does not lead back to where it came from: ${left.join('; ')}`, name }]
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

async function readClaimed({ run, session, given, hasOwn }: Stage): Promise<Description> {
  const all = await describe(run, session)
  const isGiven = (one: SchemaObject) => given.has(keyOf(one)) || (one.of !== undefined && given.has(one.of))
  const isOwn = ({ kind, schema }: SchemaObject) => kind === 'schema' && schema === run.config.schema && !hasOwn
  return { ...all, objects: all.objects.filter((one) => !isGiven(one) && !isOwn(one)) }
}

function describe({ config }: Run, session: Session): Promise<Description> {
  const { runs, history } = historyTables(session, config.schema)
  return describeSchema(session, { without: [], withoutTables: [runs, history] })
}

function tellAll(expected: Description, found: Description): string[] {
  const difference = compareSchemas(expected, found, { exclude: [], also: [] })
  return isSame(difference) ? [] : tellDifference(difference)
}
