import { Failure } from '../errors.ts'
import { type HistoryRow, isTakingBack } from '../history/rows.ts'
import { finishRun } from '../history/runs.ts'
import type { HistoryTables } from '../history/tables.ts'
import type { Migration, Seed } from '../migration.ts'
import { resetSession } from '../postgres/prepare.ts'
import type { Session } from '../postgres/session.ts'
import { joinNames } from '../report/failure.ts'
import { runJoined, takeJoinable } from './apply/joined.ts'
import { makeStep } from './apply/make-step.ts'
import { runSteps } from './apply/sequence.ts'
import type { StepContext } from './apply/step.ts'
import { runInTransaction } from './apply/transaction.ts'
import { breakEndlessLoops } from './endless-loop.ts'
import type { Job } from './job.ts'
import { loadModule } from './modules/module.ts'
import { runModuleOutside, stoppedHalfWay, takenBackHalfWay } from './outside/module.ts'
import { runStatementByStatement } from './outside/statement-by-statement.ts'
import { beginRun } from './begin-run.ts'

/** What is to be applied, and what the history says of it. */
export interface Pending {
  readonly migrations: readonly Migration[]
  /** After those, before the seeds. */
  readonly repeatable: readonly Migration[]
  readonly seeds: readonly Seed[]
  readonly history: readonly HistoryRow[]
}

type Item =
  { readonly kind: 'migration' | 'repeatable'; readonly one: Migration } | { readonly kind: 'seed'; readonly one: Seed }

/** Applies all of it in order, as one run in the history; stops at the first that fails, and records that too. */
export async function applyAll(job: Job, tables: HistoryTables, on: StepContext, pending: Pending): Promise<void> {
  const all = [...pending.migrations, ...pending.repeatable, ...pending.seeds]
  const stopBreaking = breakEndlessLoops(job, all)
  try {
    await loadModules(all)
    await applyItems(job, tables, on, pending)
  } finally {
    stopBreaking()
  }
}

async function applyItems(job: Job, tables: HistoryTables, on: StepContext, pending: Pending): Promise<void> {
  const { session } = on
  const { progress } = job
  const runId = await beginRun(job, session, tables)
  let hasEventTriggers = await resetSession(session, on.settings)
  const items: Item[] = [
    ...pending.migrations.map((one) => ({ kind: 'migration', one }) as const),
    ...pending.repeatable.map((one) => ({ kind: 'repeatable', one }) as const),
    ...pending.seeds.map((one) => ({ kind: 'seed', one }) as const),
  ]
  let current: Item | undefined
  const applied = (item: Item, durationMs: number) => {
    const seed = item.kind === 'seed'
    ;(seed ? progress.seeded : progress.applied).push(item.one.name)
    on.emit({ type: seed ? 'seeded' : 'applied', name: item.one.name, durationMs })
  }
  /** How many of the next items are applied already, together with an earlier one. */
  let ahead = 0
  const run = async (item: Item, index: number) => {
    if (ahead > 0) return void (ahead -= 1)
    current = item
    progress.notRun = items.slice(index + 1).map(({ one }) => one.name)
    const joined = takeJoinable(pending.migrations.slice(index), pending.history)
    if (joined.length > 1) {
      progress.inFlight = joined.map(({ migration }) => migration.name)
      const done = await runJoined(on, tables, { joined, runId, hasEventTriggers }, (one, ms) =>
        applied({ kind: 'migration', one }, ms),
      )
      progress.inFlight = []
      if (done > 0) return void (ahead = done - 1)
    }
    progress.inFlight = [item.one.name]
    on.emit({ type: 'applying', name: item.one.name })
    const durationMs = await applyOne({ job, tables, on, pending, runId }, item)
    progress.inFlight = []
    // Reported before the session is reset, so that nothing can come between the commit and its report.
    applied(item, durationMs)
    hasEventTriggers = await resetSession(session, on.settings)
  }
  const steps = items.map((item, index) => ({ name: `${index} ${item.one.name}`, run: () => run(item, index) }))
  const seeds = steps.splice(pending.migrations.length + pending.repeatable.length)
  try {
    await runSteps(steps)
    current = undefined
    // Before the seeds, because rows in a schema that is not the right one help nobody.
    if (steps.length > 0 || job.run.config.verify === 'fail')
      await (await import('./verify/after-applying.ts')).verifyApplied(job, session, tables)
    await runSteps(seeds)
    await finishRun(session, tables, runId, { outcome: 'done' })
  } catch (error) {
    await recordEnd({ job, session, tables, id: runId }, error, current)
    if (current?.kind === 'migration') await tellDeferredBefore(job, current.one.name)
    throw error
  }
}

/** A migration that is written for the schema behind one that waits fails until that one is applied. */
async function tellDeferredBefore({ run, bundle, progress }: Job, name: string): Promise<void> {
  const names = (await bundle.list()).map((one) => one.name)
  const before = progress.deferred.names.filter((one) => names.indexOf(one) < names.indexOf(name))
  if (before.length === 0) return
  const message = `${name} comes behind ${joinNames(before)}, deferred until nothing older is left: if it needs that, it has to wait as well, or upfront contract comes first`
  run.emit({ type: 'warning', message })
}

/** Loads all modules first, so that one that does not load, or exports nothing to call, fails before anything runs. */
async function loadModules(all: readonly (Migration | Seed)[]): Promise<void> {
  for (const { script, file } of all) if (script.kind === 'module') await loadModule(script, file)
}

/** What every item of a run is applied with. */
interface Applying {
  readonly job: Job
  readonly tables: HistoryTables
  readonly on: StepContext
  readonly pending: Pending
  readonly runId: string
}

async function applyOne({ job, tables, on, pending, runId }: Applying, item: Item): Promise<number> {
  const { kind, one } = item
  const row = pending.history.find((found) => found.kind === kind && found.name === one.name)
  const { invalidIndexes } = job.run.config
  const { script } = one
  const isOutside = script.kind === 'sql' && !script.transaction
  if (kind === 'repeatable' && isOutside) {
    const known = row?.state === 'running' ? { left: row } : { left: undefined, earlier: row }
    return runStatementByStatement(on, tables, { kind, migration: one, script, runId, invalidIndexes, ...known })
  }
  if (kind === 'migration') {
    const left = row
    if (left && isTakingBack(left)) throw takenBackHalfWay(one)
    if (isOutside)
      return runStatementByStatement(on, tables, { kind, migration: one, script, runId, left, invalidIndexes })
    if (script.kind === 'module') {
      const module = await loadModule(script, one.file)
      if (module.transaction === false) return runModuleOutside(on, tables, { migration: one, module, runId, left })
    }
    // A row left by a transaction means that the file ended it, so running the file again would repeat its first part.
    if (left) throw stoppedHalfWay(one)
  }
  return runInTransaction(on, makeStep(on, tables, { kind, one, runId }))
}

/** The row of a run that ends. */
interface Ending {
  readonly job: Job
  readonly session: Session
  readonly tables: HistoryTables
  readonly id: string
}

/** Records how the run ended, if the session is still there. */
export async function recordEnd(
  { job, session, tables, id }: Ending,
  error: unknown,
  item?: { readonly one: Migration | Seed },
): Promise<void> {
  const message = error instanceof Failure ? `${error.message}: ${error.facts.reason ?? ''}` : String(error)
  await finishRun(session, tables, id, {
    outcome: job.run.signal.aborted ? 'interrupted' : 'failed',
    ...(item === undefined ? {} : { failed: item.one }),
    ...(error instanceof Failure ? { code: error.code } : {}),
    error: job.run.redact(message),
  }).catch(() => {})
}
