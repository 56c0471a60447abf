import { readHistory } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Migration } from '../../migration.ts'
import { joinNames } from '../../report/failure.ts'
import type { SchemaStory } from '../../schema/steps.ts'
import { withForeignLock } from '../adopt/foreign-lock.ts'
import type { StepContext } from '../apply/step.ts'
import { readMark, requireConsent } from '../consent.ts'
import type { Job } from '../job.ts'
import { migrate } from '../up/migrate.ts'
import { loadModule } from '../modules/module.ts'
import { storyOf } from '../shadow/story-of.ts'
import { claimsOf } from './claims.ts'
import { dropAll, lookAhead } from './drop-all.ts'
import { call } from './dropping.ts'
import { hasReset } from './history.ts'
import { nameSessions } from './other-sessions.ts'
import { refuseStrangers, refuseUnknown } from './refuse.ts'
import { refuseRoles, refuseWhatStays } from './run-again.ts'

/** What is known of a reset when its connection is lost. */
export interface ResetSoFar {
  story?: SchemaStory
  /** The row of its transaction, which is committed or not. */
  id?: string
  /** What the database is marked as. */
  environment?: string
}

/**
 * Drops what the migrations have made, and runs them again; to be called under the lock. Everything that can refuse it does
 * so before anything changes.
 */
export async function reset(job: Job, tables: HistoryTables, on: StepContext, soFar: ResetSoFar): Promise<void> {
  const { session } = on
  const isDone = soFar.id !== undefined && (await hasReset(session, tables, soFar.id))
  if (!isDone) {
    await requireConsent(job.run, session, tables)
    soFar.environment = (await readMark(session, tables)) ?? job.run.config.environment
    await withForeignLock(job, session, () => drop(asMarked(job, soFar), tables, on, soFar))
  }
  await migrate(asMarked(job, soFar), session)
}

/** A reset by hand says nothing new of what a database is. */
function asMarked(job: Job, { environment = job.run.config.environment }: ResetSoFar): Job {
  const { run } = job
  return { ...job, run: { ...run, config: { ...run.config, environment } } }
}

async function drop(job: Job, tables: HistoryTables, on: StepContext, soFar: ResetSoFar): Promise<void> {
  const { emit } = job.run
  const rows = (await readHistory(on.session, tables)) ?? []
  await refuseUnknown(job, rows)
  const migrations = await openAll(job)
  const told = (soFar.story ??= await storyOf(job.run))
  const { tenant, schema } = job.run.config
  // By the names of the story it would drop what all tenants share in public.
  const story = tenant ? await (await import('../verify/tenant.ts')).storyOfTenant(on.session, schema, told) : told
  const claims = claimsOf(story, await job.bundle.list(), rows, job.run.flags['yes-destroy'] !== undefined)
  const ahead = await lookAhead(on, claims)
  refuseStrangers(on.session, ahead, claims)
  refuseWhatStays(ahead, story, migrations)
  await refuseRoles(on.session, migrations)
  await nameSessions(job.run, on.session)
  const begun = performance.now()
  const { drops, schemas, kept, staying } = await dropAll(on, { job, tables, claims, note: (id) => (soFar.id = id) })
  emit({ type: 'reset', objects: drops.length + schemas.length, durationMs: performance.now() - begun })
  for (const { one, needs } of kept)
    emit({ type: 'warning', message: `${call(one)} stays, needed by ${joinNames(needs)}` })
  const unsaid = staying.filter((words) => !kept.some(({ needs }) => needs.includes(words)))
  if (unsaid.length > 0)
    emit({ type: 'warning', message: `not of these migrations, so it stays: ${joinNames(unsaid)}` })
}

/** Dropped only when it can be made again: all files are there, with assertions and downs, are right, and are what was compiled. */
async function openAll({ bundle, seeds }: Job): Promise<readonly Migration[]> {
  const migrations = await bundle.open([...(await bundle.list()), ...(await bundle.listRepeatable())])
  const seeded = seeds ? await seeds.open(await seeds.list()) : []
  for (const { script, file } of [...migrations, ...seeded]) {
    if (script.kind === 'module') await loadModule(script, file)
    else if (script.kind === 'csv') script.verify?.()
    else for (const { data } of script.chunks()) for (const _ of data ?? []);
  }
  for (const { assertion, down: _ } of migrations) assertion?.script.read()
  return migrations
}
