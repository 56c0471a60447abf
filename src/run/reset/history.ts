import { readHistory } from '../../history/rows.ts'
import { finishRun, startRun } from '../../history/runs.ts'
import { type HistoryTables, createTables, nullIfMissing, withAlongsideRevert } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import { version } from '../../version.ts'
import { withRevertBack } from '../adopt/write-back.ts'
import type { Job } from '../job.ts'

/**
 * Takes everything out of the history, and writes who did, in the transaction that is open; answers the id of that row. Of
 * another tool's history nothing counts any more, as after a down.
 */
export async function recordReset(job: Job, session: Session, tables: HistoryTables): Promise<string> {
  const { run, bundle } = job
  const rows = await readIfThere(session, tables)
  if (rows === null) await createTables(session, tables)
  const writtenBy = await withRevertBack(job, session, tables)
  const { environment } = run.config
  const record = { command: 'reset', bundle: null, seed: null, environment, version, host: run.io.hostname }
  const id = await startRun(session, tables, record)
  const written = writtenBy(id)
  const inBundle = [...(await bundle.list()), ...(await bundle.listRepeatable())]
  const names = new Set(
    [...(rows ?? []).filter(({ kind }) => kind === 'migration'), ...inBundle].map(({ name }) => name),
  )
  if (written.alongsideRevert)
    for (const name of names) await session.query(`${withAlongsideRevert(written, name)}select`)
  await session.query(`delete from ${tables.history}`)
  await finishRun(session, tables, id, { outcome: 'done' })
  return id
}

/** A question that fails would break the transaction. */
async function readIfThere(session: Session, tables: HistoryTables) {
  const [found] = await session.query<{ there: boolean }>(
    'select pg_catalog.to_regclass($1) is not null and pg_catalog.to_regclass($2) is not null as there',
    [tables.history, tables.runs],
  )
  return found!.there ? readHistory(session, tables) : null
}

/** Whether the row of that reset is there: then its transaction has committed, whatever was heard of it. */
export async function hasReset(session: Session, tables: HistoryTables, id: string): Promise<boolean> {
  const sql = `select from ${tables.runs} where id = $1 and command = 'reset'`
  return ((await nullIfMissing(session, tables, () => session.query(sql, [id]))) ?? []).length > 0
}
