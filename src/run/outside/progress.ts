import { type HistoryRow, rowOf } from '../../history/rows.ts'
import { withAlongside, withAlongsideBegin } from '../../history/tables.ts'
import { toOwnRole, toOwnRoleForNow } from '../../postgres/prepare.ts'
import { rollBack, runScript } from '../../postgres/script.ts'
import { changedBehind, rowGone } from './failures.ts'
import { type OutsideFile, checksumOf, countDone } from './outside-file.ts'

/** Where a file goes on. */
export interface Beginning {
  readonly done: number
  /** The transaction that wrote its row last, before what an interrupted try has made; undefined for a first try. */
  readonly since: string | undefined
}

/** How many statements are done already; the row says `running` from here on. */
export async function beginOrResume(outside: OutsideFile): Promise<Beginning> {
  const { run, tables, migration, script, text, left, runId, kind } = outside
  if (left === undefined) {
    const again =
      kind === 'repeatable'
        ? `on conflict (kind, name) do update set checksum = excluded.checksum, state = 'running', down = excluded.down,
            run = excluded.run, applied_at = pg_catalog.clock_timestamp(), statements_done = 0, done_checksum = null`
        : ''
    await run.session.query(
      `${withAlongsideBegin(tables, migration.name)}insert into ${tables.history} (kind, name, checksum, state, down, run)
        values ('${kind}', $1, $2, 'running', $3, $4) ${again}`,
      [migration.name, migration.checksum, migration.down, runId],
    )
    return { done: 0, since: undefined }
  }
  const stillDone = countDone(script, text, left)
  if (stillDone === null && kind === 'migration') throw changedBehind(outside, left.statementsDone)
  // What is repeatable may run again: where its beginning is another one now, it does so from there.
  const done = stillDone ?? 0
  // The row stays as it is until something has run, because its age tells what an interrupted try has made.
  const [row] = await run.session.query<{ since: string }>(
    `select xmin::text as since from ${tables.history} where ${rowOfOutside(outside)}`,
  )
  return { done, since: row?.since }
}

/** The statement that records how many statements are done. */
export function progressSql(outside: OutsideFile, done: number): string {
  return `update ${outside.tables.history} set statements_done = ${done},
    done_checksum = '${checksumOf(outside.script, outside.text, done)}'${asItIsNow(outside)} where ${rowOfOutside(outside)}`
}

/** Records that a statement is done which no transaction could hold together with this. */
export async function recordProgress(outside: OutsideFile, done: number, before = ''): Promise<void> {
  await inOwnRole(outside, `${before}${progressSql(outside, done)}`)
}

/** Records that a statement begins of which nobody can tell afterwards how far it came. */
export async function recordBegun(outside: OutsideFile, i: number): Promise<void> {
  const mark = `done_checksum = '${begunMark(outside, i)}'`
  await inOwnRole(
    outside,
    `update ${outside.tables.history} set ${mark}${asItIsNow(outside)} where ${rowOfOutside(outside)}`,
  )
}

/** Whether that statement, as it is now, had begun when an earlier try was stopped. */
export function hadBegun(outside: OutsideFile, i: number): boolean {
  return outside.left?.doneChecksum === begunMark(outside, i)
}

/** All of it is done. Throws PARTIAL when its row is gone: somebody has changed the history meanwhile. */
export async function finish(outside: OutsideFile): Promise<void> {
  const { tags } = await runScript(
    outside.run.session,
    `${toOwnRole(outside.run.settings)}; ${withAlongside(outside.tables, outside.migration.name)}update ${outside.tables.history} set state = 'applied',
      duration_ms = extract(epoch from clock_timestamp() - applied_at) * 1000${asItIsNow(outside)}
      where ${rowOfOutside(outside)}`,
  )
  if (tags.at(-1) !== 'UPDATE 1') throw rowGone(outside)
}

/** Nothing of it has happened, so nothing is to be resumed, and what an earlier content has made is there still. */
export async function forget(outside: OutsideFile): Promise<void> {
  const { tables, earlier } = outside
  const row = rowOfOutside(outside)
  await inOwnRole(
    outside,
    earlier
      ? `update ${tables.history} set ${asItWas(outside, earlier)} where ${row}`
      : `delete from ${tables.history} where ${row}`,
  )
}

function asItWas({ run }: OutsideFile, earlier: HistoryRow): string {
  const text = (value: string | null) => (value === null ? 'null' : run.session.client.escapeLiteral(value))
  const { checksum, state, down, appliedAt, durationMs, statementsDone, doneChecksum } = earlier
  return `checksum = ${text(checksum)}, state = ${text(state)}, down = ${text(down)}, run = ${earlier.run},
    applied_at = ${text(appliedAt)}, duration_ms = ${durationMs}, statements_done = ${statementsDone},
    done_checksum = ${text(doneChecksum)}`
}

/** A file may have set a role that may not write here, and that goes on holding for its later statements. */
export async function inOwnRole({ run }: Pick<OutsideFile, 'run'>, sql: string): Promise<void> {
  try {
    await runScript(run.session, `begin read write; ${toOwnRoleForNow(run.settings)}; ${sql}; commit`)
  } catch (error) {
    await rollBack(run.session)
    throw error
  }
}

/** What has to change in the row of a resumed file, because the text that is still to run may be another by now. */
function asItIsNow({ run, migration, left, runId }: OutsideFile): string {
  if (left === undefined) return ''
  const text = (value: string | null) => (value === null ? 'null' : run.session.client.escapeLiteral(value))
  return `, checksum = ${text(migration.checksum)}, down = ${text(migration.down)}, run = ${runId}`
}

function begunMark({ script, text }: OutsideFile, i: number): string {
  return `${checksumOf(script, text, i)} begun ${checksumOf(script, text, i + 1)}`
}

function rowOfOutside({ run, migration, kind }: OutsideFile): string {
  return rowOf(run.session, kind, migration.name)
}
