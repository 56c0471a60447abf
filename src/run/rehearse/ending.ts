import { ScriptError, runScript } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { assertInTransaction, brokenAssertion } from '../apply/assertion.ts'
import { failed } from '../apply/failures.ts'
import type { Step, StepContext } from '../apply/step.ts'

/** Fails where up could not note in its history that the migration is applied. */
const mayWrite = `select 1 / (pg_catalog.current_setting('transaction_read_only') = 'off')::int`

/** Throws what up would when the assertion of a step does not hold, or its transaction takes no row of the history. */
export async function endInTransaction(on: StepContext, step: Step): Promise<void> {
  const broken = await assertInTransaction(on, step)
  if (broken) throw brokenAssertion(step, broken)
  await end(on.session, step, mayWrite)
}

/** The same, and commits; resolves with the milliseconds that the commit took. Throws what up would. */
export async function endAndCommit(on: StepContext, step: Step): Promise<number> {
  const broken = await assertInTransaction(on, step)
  if (broken) throw brokenAssertion(step, broken)
  const begun = performance.now()
  const tags = await end(on.session, step, `${mayWrite}; commit`)
  if (tags[1] !== 'COMMIT') throw failed(step, new Error(`COMMIT answered ${tags[1] ?? 'nothing'}`))
  return performance.now() - begun
}

async function end(session: Session, step: Step, sql: string): Promise<readonly string[]> {
  try {
    return (await runScript(session, sql)).tags
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    const { statement, error: cause } = error
    if ((cause as { code?: string }).code !== '22012' || statement !== 0) throw failed(step, cause)
    const message = 'cannot note in the history that it is applied: the file has made its transaction read only'
    throw failed(step, Object.assign(new Error(message), { code: '25006' }))
  }
}
