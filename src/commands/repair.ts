import { noteFloors } from '../history/floors.ts'
import { nearest } from '../config/nearest.ts'
import { Failure } from '../errors.ts'
import { planRepair } from '../history/repair/actions.ts'
import { type RepairAction, repairActions, repairCommand } from '../history/repair/command.ts'
import { type Named, findNamed, noSuchName, subjectsOf } from '../history/repair/named.ts'
import { repairRow, wasRepaired } from '../history/repair/record.ts'
import { type HistoryRow, readHistory } from '../history/rows.ts'
import { type HistoryTables, createTables } from '../history/tables.ts'
import type { Bundle, Migration } from '../migration.ts'
import { readForeign } from '../run/adopt/foreign-history.ts'
import type { StepContext } from '../run/apply/step.ts'
import { isProduction, readMarkedEnvironment } from '../run/consent.ts'
import { openMigrationsOf, showPath } from '../run/folders.ts'
import { withReconnection } from '../run/reconnect.ts'
import type { Run } from '../run/run.ts'
import { announce } from '../run/server.ts'
import { underLock } from '../run/under-lock.ts'
import { version } from '../version.ts'

/** What was typed. */
interface Wanted {
  readonly action: RepairAction | 'environment'
  readonly word: string
  readonly reason: string
}

/** One repair under the lock: what it is about, as the history and the folder have it. */
interface Case extends Wanted {
  readonly run: Run
  readonly on: StepContext
  readonly tables: HistoryTables
}

/** Changes what the history says of one name, or of the database; twice is no harm. Throws REFUSED, USAGE for no such name. */
export async function repair(run: Run): Promise<number> {
  const wanted = readWanted(run)
  const bundle = await openFiles(run, wanted.action)
  announce(run, 'repair', { dir: showPath(run, run.config.migrationsDir), count: bundle?.count ?? 0 })
  const work = (again: { readonly run: Run }) =>
    underLock(again, async (tables, on) => {
      const found = await readHistory(on.session, tables)
      if (found === null && !(wanted.action === 'done' && (await hasForeign(run, on, bundle)))) throw noHistory(tables)
      // What another tool leaves in doubt is settled here, before anything of it is taken over.
      if (found === null) await createTables(on.session, tables)
      const history = found ?? []
      const one: Case = { ...wanted, reason: run.redact(wanted.reason), run, on, tables }
      await (wanted.action === 'environment' ? mark(one) : repairNamed(one, wanted.action, history, bundle)).catch(
        (error: unknown) => {
          throw asUsage(error)
        },
      )
    })
  await withReconnection({ run }, work)
  return 0
}

/** Whether another tool has a history here that the next up would take over. */
async function hasForeign(run: Run, { session }: StepContext, bundle: Bundle | null): Promise<boolean> {
  return bundle !== null && (await readForeign(run, session, bundle, [])) !== null
}

/** Characters that the database's encoding lacks are no fault of our tables. */
function asUsage(error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string }
  if (code !== '22P05' && code !== '22021') return error
  const next = 'Say it with characters that the encoding of the database has.'
  return new Failure('USAGE', 'the name or the reason cannot be kept in this database; nothing was changed', { sqlstate: code, reason: message, next }, error) // prettier-ignore
}

function readWanted({ flags }: Run): Wanted {
  const given = ([...repairActions, 'environment'] as const).filter((action) => flags[action] !== undefined)
  const [action] = given
  if (action === undefined || given.length > 1) {
    const all = 'one of --accept, --forget, --done, --not-done and --environment'
    throw new Failure('USAGE', `upfront repair does one thing at a time: ${all}`, {
      next: `For example: ${repairCommand('done', '0001_users')}`,
    })
  }
  const word = String(flags[action])
  const reason = String(flags['reason'] ?? '').trim()
  // Our own messages have three dots in its place, which are no reason.
  if (/[\p{L}\p{N}]/u.test(reason)) return { action, word, reason }
  throw new Failure('USAGE', 'a repair needs a reason, which is kept in the history', {
    next: `Say why, in place of the dots: ${repairCommand(action, word)}`,
  })
}

/** The migrations; when they cannot be read, only what does not need them can be repaired. */
async function openFiles(run: Run, action: Wanted['action']): Promise<Bundle | null> {
  try {
    return await openMigrationsOf(run)
  } catch (error) {
    if (action === 'accept' || !(error instanceof Failure) || error.code !== 'INVALID') throw error
    if (action !== 'environment')
      run.emit({ type: 'warning', message: `${error.message}; this repair goes by the history alone` })
    return null
  }
}

async function mark({ action, word, reason, run, on, tables }: Case): Promise<void> {
  const { session, lockKey } = on
  if (nearest(word, ['production']) && !isProduction(word)) {
    throw new Failure('USAGE', `${word} is nearly production, which guards a database; nothing was changed`, {
      next: repairCommand('environment', 'production'),
    })
  }
  if ((await readMarkedEnvironment(session, tables)) === word)
    return nothingToDo(run, `the database is marked ${word} already`)
  const record = { ...recordOf(run), environment: word }
  await repairRow(session, tables, { action, subject: word, reason, record, lockKey })
  const then = isProduction(word)
    ? 'it is guarded'
    : 'nothing guards it until a run comes without UPFRONT_ENV, or with production'
  run.emit({ type: 'repaired', action, name: session.client.database ?? '', meaning: `marked ${word}, ${then}` })
}

async function repairNamed(
  one: Case,
  action: RepairAction,
  history: readonly HistoryRow[],
  bundle: Bundle | null,
): Promise<void> {
  const { run, on, tables, word, reason } = one
  const files = (await bundle?.list()) ?? []
  const { session, lockKey } = on
  const named = findNamed(word, history, files, (await bundle?.listRepeatable()) ?? [])
  if (!named) {
    const gone = action === 'forget' || action === 'not-done'
    if (gone && (await wasRepaired(session, tables, action, subjectsOf(word))))
      return nothingToDo(run, `${word} is not in the history any more`)
    throw noSuchName(word, history, files, run.config.migrationsDir)
  }
  const plan = planRepair(action, named, await openNamed(run, bundle, named))
  if ('nothing' in plan) return nothingToDo(run, plan.nothing)
  const against = plan.contradicted ? await plan.contradicted(session) : []
  if (against.length > 0 && !run.flags['against-catalog']) throw contradicted(action, named, against)
  // Without the file nobody has looked whether what it makes is there.
  if (action === 'done' && !named.file)
    run.emit({
      type: 'warning',
      message: `${named.name} has no file here, so the catalog was not asked whether it is done`,
    })
  for (const what of against) run.emit({ type: 'warning', message: `against the catalog: ${what}` })
  const record = { ...recordOf(run), environment: await readMarkedEnvironment(session, tables) }
  const { kind, name, subject } = named
  const change = { kind, name: named.row?.name ?? name, change: plan.change(session, tables) }
  // Before it, because a floor without its migration keeps nobody out.
  if ((action === 'done' || action === 'accept') && named.file?.contract) await noteFloors(session, tables, [name])
  await repairRow(session, tables, { action, subject, reason, record, lockKey }, change)
  run.emit({ type: 'repaired', action, name: subject, meaning: plan.meaning })
}

/** What its file makes, to hold the catalog against; null without a file, or with one that would not be run today. */
async function openNamed(run: Run, bundle: Bundle | null, { file }: Named): Promise<Migration | null> {
  if (!file || !bundle) return null
  try {
    return (await bundle.open([file]))[0] ?? null
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'INVALID') throw error
    const why = error.facts.problems?.[0]?.what ?? error.message
    run.emit({ type: 'warning', message: `the catalog was not asked about ${file.name}, because of its file: ${why}` })
    return null
  }
}

/** A repair leaves the environment that the database is marked as, unless that is what it changes. */
function recordOf({ config, io }: Run) {
  const { environment } = config
  return { command: 'repair', bundle: null, seed: null, environment, version, host: io.hostname }
}

function nothingToDo(run: Run, what: string): void {
  run.emit({ type: 'warning', message: `${what}; nothing was changed` })
}

function contradicted(action: RepairAction, { subject }: Named, list: readonly string[]): Failure {
  const says = action === 'done' || action === 'accept' ? 'not done' : 'done'
  return new Failure('REFUSED', `the catalog says that ${subject} is ${says}; nothing was changed`, {
    list,
    next: `When you know better (a later migration took it away, say): ${repairCommand(action, subject)} --against-catalog`,
  })
}

function noHistory(tables: HistoryTables): Failure {
  return new Failure('USAGE', `there is no history of ours in the schema ${tables.schema} of this database`, {
    next:
      'Is it the database you meant, and UPFRONT_SCHEMA the schema? For a database that others have filled: ' +
      'upfront baseline --to <the last migration it has>.',
  })
}
