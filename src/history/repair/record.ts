import { Failure } from '../../errors.ts'
import type { Kind, Migration } from '../../migration.ts'
import { ScriptError, runScript } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { rowOf } from '../rows.ts'
import { type RunRecord, startRun } from '../runs.ts'
import { type HistoryTables, ensureRepairColumns } from '../tables.ts'
import type { RepairAction } from './command.ts'

/** What is to be put right, and why. */
export interface Repair {
  readonly action: RepairAction | 'environment'
  /** As one would type it after the flag. */
  readonly subject: string
  readonly reason: string
  readonly record: RunRecord
  readonly lockKey: bigint
}

/** Changes one row of the history and keeps what was done, to what, why, and the row as it was; all or nothing. */
export async function repairRow(
  session: Session,
  tables: HistoryTables,
  repair: Repair,
  row?: { readonly kind: Kind; readonly name: string; readonly change: string },
): Promise<void> {
  const { action, subject, reason, record, lockKey } = repair
  await session.query('begin')
  try {
    const [lock] = await session.query<{ held: boolean }>(
      `select pg_catalog.pg_try_advisory_xact_lock(${lockKey}) as held`,
    )
    if (!lock!.held)
      throw new Failure('LOST', 'our advisory lock was gone; nothing was changed', { next: 'Run it again.' })
    await ensureRepairColumns(session, tables)
    const id = await startRun(session, tables, record)
    const was = row
      ? `(select to_jsonb(h) from ${tables.history} h where ${rowOf(session, row.kind, row.name)})`
      : 'null'
    await session.query(
      `update ${tables.runs} set finished_at = clock_timestamp(), outcome = 'done', action = $2, subject = $3, reason = $4,
        was = ${was} where id = $1`,
      [id, action, subject, reason],
    )
    if (row) await session.query(row.change)
    const { tags } = await runScript(session, 'commit')
    if (tags[0] !== 'COMMIT') throw new Error(`COMMIT answered ${tags[0] ?? 'nothing'}`)
  } catch (error) {
    await session.query('rollback').catch(() => {})
    throw error instanceof ScriptError ? error.error : error
  }
}

/** Whether the newest repair of what has one of these names was this action: then it is done, and no mistake. */
export async function wasRepaired(
  session: Session,
  tables: HistoryTables,
  action: RepairAction,
  subjects: readonly string[],
): Promise<boolean> {
  const rows = await session
    .query<{ action: string }>(
      `select action from ${tables.runs} where command = 'repair' and subject = any($1) order by id desc limit 1`,
      [subjects],
    )
    // Tables of an earlier version, which nobody has repaired.
    .catch((error: { code?: string }) => {
      if (error.code === '42703') return []
      throw error
    })
  return rows[0]?.action === action
}

/** What a row keeps of a file. */
type RecordedFile = Pick<Migration, 'checksum' | 'down'>

/** The statement that each action is, to be run when the repair's own row is the newest run. */
export const rowChanges = {
  forget: (session: Session, tables: HistoryTables, kind: Kind, name: string) =>
    `delete from ${tables.history} where ${rowOf(session, kind, name)}`,
  accept: (session: Session, tables: HistoryTables, name: string, { checksum, down }: RecordedFile) => {
    const text = session.client.escapeLiteral
    return `update ${tables.history} set checksum = ${text(checksum)}, down = ${down === null ? 'down' : text(down)}
      where ${rowOf(session, 'migration', name)}`
  },
  done: (
    session: Session,
    tables: HistoryTables,
    { kind, name }: { readonly kind: Kind; readonly name: string },
    file: RecordedFile | undefined,
  ) => {
    const text = session.client.escapeLiteral
    if (!file) return `update ${tables.history} set state = 'applied' where ${rowOf(session, kind, name)}`
    const down = file.down === null ? 'null' : text(file.down)
    return `insert into ${tables.history} as h (kind, name, checksum, state, down, run)
      values ('${kind}', ${text(name)}, ${text(file.checksum)}, 'baseline', ${down},
        (select max(id) from ${tables.runs}))
      on conflict (kind, name) do update set checksum = excluded.checksum, state = 'applied', down = excluded.down`
  },
} as const
