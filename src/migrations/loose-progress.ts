import { toOwnRole } from '../postgres/prepare.ts'
import { rowOf } from './history.ts'
import { changedBehind } from './loose-failures.ts'
import { type LooseStep, checksumOf } from './loose-step.ts'
import type { StepRun } from './step.ts'
import type { HistoryTables } from './tables.ts'

/** How many statements are done already; the row says `running` from here on. */
export async function beginOrResume(
  run: StepRun,
  tables: HistoryTables,
  step: LooseStep,
  text: string,
): Promise<number> {
  const { migration, left, runId } = step
  const { session } = run
  if (left === undefined) {
    await session.query(
      `insert into ${tables.history} (kind, name, checksum, state, down, run) values ('migration', $1, $2, 'running', $3, $4)`,
      [migration.name, migration.checksum, migration.down, runId],
    )
    return 0
  }
  const done = left.statementsDone
  if (done > 0 && left.doneChecksum !== checksumOf(step.script, text, done)) throw changedBehind(step, done)
  await session.query(
    `update ${tables.history} set checksum = $1, down = $2, run = $3 where ${rowOf(session, 'migration', migration.name)}`,
    [migration.checksum, migration.down, runId],
  )
  return done
}

/** The statement that records how many statements are done. */
export function progressSql(run: StepRun, tables: HistoryTables, step: LooseStep, text: string, done: number): string {
  const row = rowOf(run.session, 'migration', step.migration.name)
  return `update ${tables.history} set statements_done = ${done},
    done_checksum = '${checksumOf(step.script, text, done)}' where ${row}`
}

/** All of it is done. */
export async function finish(run: StepRun, tables: HistoryTables, step: LooseStep): Promise<void> {
  const row = rowOf(run.session, 'migration', step.migration.name)
  await run.session.query(`${toOwnRole(run.settings)}; update ${tables.history} set state = 'applied',
    duration_ms = extract(epoch from clock_timestamp() - applied_at) * 1000 where ${row}`)
}

/** Nothing of it has happened, so nothing is to be resumed. */
export async function forget(run: StepRun, tables: HistoryTables, step: LooseStep): Promise<void> {
  await run.session.query(`delete from ${tables.history} where ${rowOf(run.session, 'migration', step.migration.name)}`)
}
