import { Failure, type Problem } from '../../errors.ts'
import type { Bundle } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { type Description, keyOf } from '../../schema/description.ts'
import { type SchemaStep, type SchemaStory, stepBetween } from '../../schema/steps.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { withDescribing } from './describing.ts'
import { allTheWayBack, downAndUp, hasDown } from './downs.ts'
import { quiet } from './quiet.ts'
import { withScratchDatabase } from './scratch.ts'
import { type Stage, readClaimed, upTo } from './stage.ts'

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
  return withScratchDatabase(ofWholeDatabase(run), quiet(run), (on) =>
    withServer(on, requirePrimary, (session) =>
      withDescribing(on, session, async (describe) => {
        const empty = await describe()
        for (const sql of telling.before) await runBefore(session, sql)
        const given = await describe()
        const was = new Set(empty.objects.map(keyOf))
        const keys = new Set(given.objects.map(keyOf).filter((key) => !was.has(key)))
        const hasOwn = given.objects.some(({ kind, schema }) => kind === 'schema' && schema === on.config.schema)
        const told = await tell({ run: on, session, describe, bundle, given: keys, hasOwn }, telling.downs)
        const notModelled = told.story.notModelled.filter((words) => !given.notModelled.includes(words))
        return { ...told, story: { ...told.story, notModelled } }
      }),
    ),
  )
}

/** A tenant's schema is not there; what it should hold is what the same files make in `public`. */
function ofWholeDatabase(run: Run): Run {
  const { tenant, target, leaseSchema } = run.config
  if (!tenant) return run
  const elsewhere = target && { ...target, searchPath: undefined }
  return { ...run, config: { ...run.config, tenant: false, schema: leaseSchema, target: elsewhere } }
}

async function tell(stage: Stage, downs: boolean): Promise<Told> {
  const { bundle } = stage
  const isOurs = bundle.format === 'plain'
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
    if (downs && isOurs && (await hasDown(bundle, one)))
      findings.push(...(await downAndUp(stage, one.name, before, after)))
    add(one.name, after)
  }
  const last = (await bundle.listRepeatable()).at(-1)
  if (last) {
    await upTo(stage)
    add(last.name, await readClaimed(stage))
  }
  const { major, notModelled } = before
  const given = stage.given.size > 0 ? { given: [...stage.given].sort() } : {}
  const story = { major, notModelled, ...given, steps }
  return { story, findings: downs && !isOurs ? await allTheWayBack(stage, story) : findings }
}

async function runBefore(session: Session, sql: string): Promise<void> {
  try {
    await session.query(sql)
  } catch (error) {
    const { code = '', message, severity } = error as { code?: string; message: string; severity?: string }
    // What has no severity is the connection's.
    if (severity === undefined) throw error
    throw new Failure(
      'INVALID',
      '--before does not run on an empty database',
      { sqlstate: code, reason: message },
      error,
    )
  }
}
