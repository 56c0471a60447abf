import type { Failure } from '../../errors.ts'
import { makePlan } from '../../history/plan.ts'
import { type HistoryRow, readHistory } from '../../history/rows.ts'
import { readNewestRun } from '../../history/runs.ts'
import { historyTables, requireTenant, tableNames } from '../../history/tables.ts'
import type { Bundle } from '../../migration.ts'
import { planMigrations } from '../adopt/plan-migrations.ts'
import { dueOf } from '../contract/due.ts'
import { isComplete, startJob } from '../job.ts'
import type { Run } from '../run.ts'
import { attempt, failuresOf } from './attempt.ts'
import type { ExaminedFolder } from './folder.ts'
import { findFailures } from './pending.ts'
import type { Reader } from './reader.ts'
import { type MissingRight, type Rights, askRights, historyIs, lacksRights, missingRights } from './rights.ts'
import { findStranger, readTheirs } from './their-history.ts'
import { type Known as Comparing, type Work, compare } from './work.ts'

/** Whose histories there are, and what they say of the folder. */
export interface ComparedHistories {
  /** Our own; null when there is none, or it may not be read. */
  readonly ours: HistoryTable | null
  /** Another tool's. */
  readonly theirs: (HistoryTable & { readonly from: string }) | null
  /** Whether there is one that the role may not read. */
  readonly isHidden: boolean
  /** Privileges that the role lacks for our tables. */
  readonly missing: readonly MissingRight[]
  /** null when the folder or one of the histories is not known. */
  readonly work: Work | null
  /** Whether the newest run was a complete one of these files, so that up would leave at once. */
  readonly isComplete: boolean
  /** What up would end with, in the order in which it would meet it. */
  readonly failures: readonly Failure[]
}

interface HistoryTable {
  readonly table: string
  readonly rows: number
}

/** What is known when nothing could be asked. */
export const unknown = {
  ours: null,
  theirs: null,
  isHidden: false,
  missing: [],
  work: null,
  isComplete: false,
} as const

/** Reads the histories and holds the folder against them, as up would. */
export async function compareHistories(run: Run, reader: Reader, folder: ExaminedFolder): Promise<ComparedHistories> {
  const { session } = reader
  const { schema } = run.config
  const rights = await askRights(session, run.config)
  const missing = missingRights(session, rights, schema)
  const tables = historyTables(session, run.config)
  const home = await attempt(run, () => requireTenant(session, tables))
  if (!('done' in home)) return { ...unknown, missing: [], failures: [home.failure] }
  if (historyIs(rights) === 'denied')
    return { ...unknown, isHidden: true, missing, failures: [lacksRights(session, rights, missing) ?? []].flat() }
  const read = await attempt(run, async () => ({
    history: await readHistory(session, tables),
    newest: await readNewestRun(session, tables),
  }))
  if (!('done' in read)) return { ...unknown, isHidden: true, missing, failures: [read.failure] }
  const { history, newest } = read.done
  const ours = history && { table: `${schema}.${tableNames(run.config).history}`, rows: history.length }
  const looked =
    history === null && run.config.format === 'auto'
      ? await attempt(run, () => findStranger(session, folder.bundle?.format))
      : ({ done: null } as const)
  const stranger = 'done' in looked ? looked.done : null
  const found = { ours, theirs: stranger && tell(stranger), isHidden: false, missing }
  if (folder.bundle === null) return { ...unknown, ...found, failures: failuresOf([looked]) }
  const job = startJob(run, 'doctor', folder.bundle, folder.seedBundle)
  const compared = await compareWith(run, reader, { folder, bundle: folder.bundle, history, rights, missing, stranger })
  const failures = [...failuresOf([looked]), ...compared.failures]
  return { ...found, ...compared, failures, isComplete: isComplete(job, newest) }
}

interface Known {
  readonly folder: ExaminedFolder
  readonly bundle: Bundle
  readonly history: readonly HistoryRow[] | null
  readonly rights: Rights
  readonly missing: readonly MissingRight[]
  readonly stranger: Awaited<ReturnType<typeof findStranger>>
}

async function compareWith(run: Run, { session, own }: Reader, known: Known) {
  const { folder, bundle, history, stranger } = known
  const rows = history ?? []
  const theirs = await readTheirs(run, session, bundle, rows)
  if (!('done' in theirs) && (await mayBePending(bundle, rows))) {
    const lacking = lacksRights(session, known.rights, known.missing) ?? []
    return { work: null, isHidden: true, failures: [theirs.failure, lacking].flat() }
  }
  const foreign = 'done' in theirs ? theirs.done : null
  const job = startJob(run, 'doctor', bundle, folder.seedBundle)
  const due: Comparing['due'] = async (plan) =>
    (await dueOf(job, session, historyTables(session, run.config), { plan, foreign, history: rows })).due
  const work = await compare({ bundle, seeds: folder.seedBundle, history: rows, foreign, due })
  const told = { work, theirs: foreign ? tell(foreign) : stranger && tell(stranger) }
  const planned = await attempt(run, () => planMigrations(run, session, bundle, rows))
  const isDone = work.isAhead || (history !== null && isNothing(work))
  const rest = isDone ? [] : await findFailures(run, { session, own }, folder, { ...known, work })
  return { ...told, failures: [...failuresOf([planned]), ...rest] }
}

/** Whether up would ask for another tool's history. */
async function mayBePending(bundle: Bundle, history: readonly HistoryRow[]): Promise<boolean> {
  const rows = history.filter(({ kind }) => kind === 'migration')
  const { pending, deferred } = makePlan(await bundle.list(), rows)
  return pending.length + deferred.length + (await bundle.listRepeatable()).length > 0
}

function isNothing({ adopted, migrations, repeatable, seeds }: Work): boolean {
  return adopted.length + migrations.length + repeatable.length + seeds.length === 0
}

function tell({ from, history }: { from: string; history: { table: string; rows: readonly unknown[] } }) {
  return { from, table: history.table, rows: history.rows.length }
}
