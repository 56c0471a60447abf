import { noteFloors } from '../../history/floors.ts'
import { insertAdopted, renumber } from '../../history/adopt/record.ts'
import { refuseDoubts, refuseUnknown } from '../../history/adopt/refuse.ts'
import type { HistoryRow } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { joinNames } from '../../report/failure.ts'
import type { Job } from '../job.ts'
import type { Run } from '../run.ts'
import { beginRun } from '../begin-run.ts'
import type { Foreign } from './foreign-history.ts'
import { keepDowns } from './keep-downs.ts'

/** Throws MISMATCH when the other tool's history leaves a doubt about what is pending. */
export function refuseForeignDoubts({ config }: Run, foreign: Foreign, pending: readonly Identity[]): void {
  const { match } = foreign
  refuseDoubts(match, foreign)
  if (match.unknown.length === 0) return
  const adopted = new Set(match.adopted.map(({ name }) => name))
  // Rows behind all of our files are of a newer image, as long as nothing of ours is to come.
  // One number without its file is of other migrations, perhaps of another program, and covers none of ours.
  const unknown = foreign.history.rows.filter(({ called }) => match.unknown.includes(called))
  const isNumber = unknown.some(({ covers }) => covers)
  const isFailed = unknown.some(({ state }) => state === 'failed')
  const isAhead = !isNumber && !isFailed && pending.every(({ name }) => adopted.has(name))
  if (!isAhead && config.missing === 'error') refuseUnknown(match.unknown, foreign)
}

/** Records what the other tool has applied, as its history says, and tells it when that is committed. */
export async function recordForeign(
  job: Job,
  session: Session,
  { tables, history }: { readonly tables: HistoryTables; readonly history: readonly HistoryRow[] },
  foreign: Foreign,
): Promise<void> {
  const { run, bundle } = job
  const { match, repeatable } = foreign
  if (match.unknown.length > 0) {
    const message = `${foreign.from} has applied ${joinNames(match.unknown)}, of which this bundle has no file`
    run.emit({ type: 'warning', message })
  }
  const rows = await keepDowns(run, bundle, match.adopted)
  const runId = await beginRun(job, session, tables)
  const again = repeatable.map((one) => ({ ...one, down: null }))
  await insertAdopted(session, tables, { migration: rows, repeatable: again }, runId)
  await noteFloors(
    session,
    tables,
    match.adopted.flatMap(({ name, contract }) => (contract ? [name] : [])),
  )
  const settled = new Set(history.filter(({ state }) => state === 'baseline').map(({ name }) => name.normalize('NFC')))
  const isOf = new Set(match.adopted)
  const inOrder = (await bundle.list()).filter((one) => isOf.has(one) || settled.has(one.name))
  const first = inOrder.findIndex(({ name }) => settled.has(name))
  if (first !== -1)
    await renumber(
      session,
      tables,
      inOrder.slice(first).map(({ name }) => name),
    )
  const names = [...match.adopted, ...repeatable].map(({ name }) => name)
  run.emit({ type: 'adopted', names, from: foreign.from, table: foreign.history.table })
}
