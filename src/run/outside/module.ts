import { Failure } from '../../errors.ts'
import { halfDoneCommands } from '../../history/repair/command.ts'
import { type HistoryRow, rowOf } from '../../history/rows.ts'
import { type HistoryTables, withAlongside, withAlongsideBegin } from '../../history/tables.ts'
import type { Migration } from '../../migration.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { toOwnRole } from '../../postgres/prepare.ts'
import { rollBack } from '../../postgres/script.ts'
import { unknownEnd } from '../apply/failures.ts'
import { describeSqlError } from '../apply/sql-error.ts'
import type { StepContext } from '../apply/step.ts'
import type { MigrationModule } from '../modules/contract.ts'
import { callModule } from '../modules/module.ts'
import { placeInModule } from '../modules/place.ts'
import { assertOutside } from './assertion.ts'

/** A module that says `transaction = false`, and what the history knows of an earlier try. */
export interface OutsideModule {
  readonly migration: Migration
  readonly module: MigrationModule
  readonly runId: string
  readonly left: HistoryRow | undefined
}

/**
 * Runs a module outside a transaction; resolves with the milliseconds it took. Only its author knows how far it came
 * when it stopped, so a row that an earlier try left running is PARTIAL until somebody has looked.
 */
export async function runModuleOutside(run: StepContext, tables: HistoryTables, step: OutsideModule): Promise<number> {
  const begun = performance.now()
  const { session, signal, emit } = run
  const { migration, module, left, runId } = step
  const row = rowOf(session, 'migration', migration.name)
  if (left !== undefined) throw stoppedHalfWay(migration)
  // What nobody has compiled must not stop it in the end.
  migration.assertion?.script.read()
  await session.query(
    `${withAlongsideBegin(tables, migration.name)}insert into ${tables.history} (kind, name, checksum, state, down, run)
      values ('migration', $1, $2, 'running', $3, $4)`,
    [migration.name, migration.checksum, migration.down, runId],
  )
  const watch = run.watch(() => migration.name)
  try {
    await callModule(module.up, session, { name: migration.name, emit, signal, inTransaction: false })
    if (session.client.getTransactionStatus() !== 'I') throw new Error('it left a transaction open')
  } catch (error) {
    if (isConnectionLost(error)) throw moduleStopped(migration, error)
    await rollBack(session)
    throw moduleStopped(migration, error)
  } finally {
    watch.stop()
  }
  await assertOutside(run, migration)
  try {
    await session.query(`${toOwnRole(run.settings)}; ${withAlongside(tables, migration.name)}update ${tables.history} set state = 'applied',
      duration_ms = extract(epoch from clock_timestamp() - applied_at) * 1000 where ${row}`)
  } catch (error) {
    throw isConnectionLost(error) && signal.aborted ? unknownEnd(migration.name, signal.reason, error) : error
  }
  return performance.now() - begun
}

/** PARTIAL for a row that an earlier run left `running`, where nobody but its author knows how far it came. */
export function stoppedHalfWay(migration: Migration): Failure {
  return moduleStopped(migration, new Error('an earlier run was stopped in the middle of it'))
}

/** PARTIAL for a row that a down outside a transaction has left. */
export function takenBackHalfWay({ name }: Pick<Migration, 'name'>): Failure {
  return new Failure('PARTIAL', `the down of ${name} stopped half way: part of the migration may be taken back`, {
    list: [...halfDoneCommands(name), 'when the down can run again from its beginning: upfront down'],
    next: 'Look how far it came, and run one of these.',
  })
}

/** PARTIAL for a module that has failed outside a transaction. */
export function moduleStopped({ name, file }: Migration, error: unknown): Failure {
  return new Failure(
    'PARTIAL',
    `migration ${name} stopped half way; what it had done remains (it runs outside a transaction)`,
    {
      ...describeSqlError(error),
      ...placeInModule(file, error),
      list: halfDoneCommands(name),
      next: 'Look how far it came, and run one of these.',
    },
    error,
  )
}
