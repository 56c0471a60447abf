import { Failure } from '../../errors.ts'
import { halfDoneCommands } from '../../history/repair/command.ts'
import type { Migration } from '../../migration.ts'
import { isConnectionLost, isContention } from '../../postgres/classify.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { type Broken, asCompiled, ask } from '../apply/assertion.ts'
import { StillBusy, whileBusy } from '../apply/contention.ts'
import { lostConnection, nameBlocker } from '../apply/failures.ts'
import type { StepContext } from '../apply/step.ts'

/**
 * Asks the assertion of a migration that has run outside a transaction, in one that is rolled back. Throws PARTIAL when it
 * does not hold, because what it speaks of remains; LOST; the signal's reason.
 */
export async function assertOutside(run: StepContext, migration: Migration): Promise<void> {
  const { name, script, assertion } = migration
  if (!assertion) return
  run.signal.throwIfAborted()
  const attempt = async () => {
    try {
      await runScript(run.session, `begin; ${asCompiled}`)
      const broken = await ask(run.session, assertion)
      if (broken && isContention(broken.error ?? {})) throw broken.error
      return broken
    } finally {
      await rollBack(run.session)
    }
  }
  const isResumed = script.kind === 'sql'
  try {
    const broken = await whileBusy(run, name, attempt)
    if (broken && run.signal.aborted) throw run.signal.reason
    if (broken) throw doesNotHold(name, broken, isResumed)
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason
    const cause = error instanceof ScriptError ? error.error : error
    if (isConnectionLost(cause)) throw lostConnection(name, cause)
    if (!(error instanceof StillBusy)) throw error
    const { code, message } = error.cause as { code?: string; message: string }
    const sqlstate = code === undefined ? {} : { sqlstate: code }
    const list = error.watch.blockers().map(nameBlocker)
    throw doesNotHold(name, { facts: { ...sqlstate, reason: message, list }, error }, isResumed)
  }
}

function doesNotHold(name: string, { facts, error }: Broken, isResumed: boolean): Failure {
  const what = `all of migration ${name} has run, and its assertion does not hold; what it has done remains (it runs outside a transaction)`
  const again = isResumed ? ' and start again, which asks only the assertion. Or' : ', and'
  return new Failure(
    'PARTIAL',
    what,
    {
      ...facts,
      list: [...(facts.list ?? []), ...halfDoneCommands(name)],
      next: `Put right by hand what it asks for, or the assertion when it asks for the wrong thing${again} run one of these.`,
    },
    error,
  )
}
