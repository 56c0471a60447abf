import { insist } from '../postgres/cancel.ts'
import { ScriptError, runScript } from '../postgres/script.ts'
import { dropIfAllowed, findIndex, invalidIndex, isAsStated } from './indexes.ts'
import { otherIndex } from './loose-failures.ts'
import type { LooseStep } from './loose-step.ts'
import type { Statement } from './migration.ts'
import type { StepRun } from './step.ts'

/** A statement that no transaction may hold; after a crash nobody but the catalog knows whether it ran. */
export async function runAlone(
  run: StepRun,
  step: LooseStep,
  statement: Statement,
  sql: string,
  resumed: boolean,
): Promise<void> {
  const { index } = statement
  const before = index ? await findIndex(run.session, index) : undefined
  if (index && before && !before.valid) {
    if (!(await dropIfAllowed(run.session, before, step.invalidIndexes))) throw invalidIndex(step.migration, before)
  } else if (index && before && resumed) {
    if (isAsStated(before, index)) return
    throw otherIndex(step.migration, before.name)
  }
  try {
    await runScript(run.session, sql)
  } catch (error) {
    const { code } = (error as ScriptError).error as { code?: string }
    if (!resumed || !alreadyDone[statement.kind]?.includes(code ?? '')) throw error
  }
  const after = index ? await insist(run.signal, () => findIndex(run.session, index)) : undefined
  if (after && !after.valid) throw invalidIndex(step.migration, after)
}

/** What a statement answers that had run before the crash. */
const alreadyDone: Readonly<Record<string, readonly string[]>> = {
  DropStmt: ['42704', '42P01'],
  DropdbStmt: ['3D000'],
  CreatedbStmt: ['42P04'],
  CreateTableSpaceStmt: ['42710'],
  DropTableSpaceStmt: ['42704'],
  CreateSubscriptionStmt: ['42710'],
  AlterTableStmt: ['42P01'],
}

/** Whatever stopped the statement, an index that it left half made is what has to be told. */
export async function refuseInvalid(
  run: StepRun,
  step: LooseStep,
  { index }: Statement,
  cause: unknown,
): Promise<void> {
  if (!index) return
  const left = await insist(run.signal, () => findIndex(run.session, index))
  if (left && !left.valid) throw invalidIndex(step.migration, left, cause)
}
