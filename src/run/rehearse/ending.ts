import { toOwnRole } from '../../postgres/prepare.ts'
import { ScriptError, runScript } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { assertInTransaction, brokenAssertion } from '../apply/assertion.ts'
import { failed } from '../apply/failures.ts'
import type { Step, StepContext } from '../apply/step.ts'

/** What up does last, in its own role; its third statement fails where no row can be written. */
function ending({ settings }: StepContext): string {
  return `${toOwnRole(settings)}; ${mayWrite}`
}

/** From 0. */
const noting = 2

/** Fails where up could not note in its history that the migration is applied. */
const mayWrite = `select 1 / (pg_catalog.current_setting('transaction_read_only') = 'off')::int`

/**
 * What a commit would check, in a transaction that goes on, and so that what was deferred may be again; by name, because ALL
 * would hold for constraints that are still to be made.
 */
async function checkDeferred(session: Session, step: Step): Promise<void> {
  const [row] = await session.query<{ all: string | null; deferred: string | null }>(
    `select pg_catalog.string_agg(name, ', ') as all, pg_catalog.string_agg(name, ', ') filter (where deferred) as deferred
     from (select pg_catalog.format('%I.%I', n.nspname, c.conname) as name, bool_or(c.condeferred) and bool_and(c.condeferrable) as deferred
       from pg_catalog.pg_constraint c join pg_catalog.pg_namespace n on n.oid = c.connamespace
       group by 1 having bool_or(c.condeferrable)) found`,
  )
  const { all, deferred } = row!
  if (all !== null) await end(session, step, `set constraints ${all} immediate`)
  if (deferred !== null) await end(session, step, `set constraints ${deferred} deferred`)
}

/** Throws what up would when an assertion or what was deferred does not hold, or the transaction takes no row of the history. */
export async function endInTransaction(on: StepContext, step: Step): Promise<void> {
  const broken = await assertInTransaction(on, step)
  if (broken) throw brokenAssertion(step, broken)
  await end(on.session, step, ending(on))
  await checkDeferred(on.session, step)
}

/** The same, and commits; resolves with the milliseconds that the commit took. Throws what up would. */
export async function endAndCommit(on: StepContext, step: Step): Promise<number> {
  const broken = await assertInTransaction(on, step)
  if (broken) throw brokenAssertion(step, broken)
  const begun = performance.now()
  const tags = await end(on.session, step, `${ending(on)}; commit`)
  const tag = tags.at(-1)
  if (tag !== 'COMMIT') throw failed(step, new Error(`COMMIT answered ${tag ?? 'nothing'}`))
  return performance.now() - begun
}

async function end(session: Session, step: Step, sql: string): Promise<readonly string[]> {
  try {
    return (await runScript(session, sql)).tags
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    const { statement, error: cause } = error
    if ((cause as { code?: string }).code !== '22012' || statement !== noting) throw failed(step, cause)
    const message = 'cannot note in the history that it is applied: the file has made its transaction read only'
    throw failed(step, Object.assign(new Error(message), { code: '25006' }))
  }
}
