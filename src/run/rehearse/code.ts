import { Failure } from '../../errors.ts'
import type { ModuleScript } from '../../migration.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { ScriptError, rollBack } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { endedTransaction, failed } from '../apply/failures.ts'
import type { Step } from '../apply/step.ts'
import { ModuleError, callModule, loadModule } from '../modules/module.ts'
import { assertOutside } from '../outside/assertion.ts'
import { moduleStopped } from '../outside/module.ts'
import { endAndCommit } from './ending.ts'
import { lookAtAll, lookSql, readLook } from './look/measure.ts'
import {
  type Outcome,
  type PendingMigration,
  type Rehearsing,
  failedAtPlace,
  rehearsedStatement,
} from './rehearsing.ts'
import type { RehearsedStatement } from './rehearsal.ts'
import { sendParts } from './send.ts'
import type { Unit } from './units.ts'
import { type Witness, withWitness } from './look/witness.ts'

/** Calls a module's `up` and measures it as one; never rejects for what up would call a failure. */
export async function rehearseCode(
  rehearsing: Rehearsing,
  witness: () => Promise<Witness>,
  { kind, one }: PendingMigration,
  script: ModuleScript,
): Promise<Outcome> {
  const { on, watcher } = rehearsing
  const { session, emit, signal } = on
  const unit: Unit = { first: 1, last: 1, line: 1, sql: one.file, start: null, kind: null }
  const step: Step = { kind, name: one.name, file: one.file, before: '', after: '', body: { run: async () => {} }, assertion: one.assertion } // prettier-ignore
  const statements: RehearsedStatement[] = []
  const base = { kind, name: one.name, file: one.file, how: 'module', statements } as const
  const look = async (before: string) => {
    // Only the first look of a transaction asks for what is outstanding.
    const counting = before === '' ? [] : watcher.counting()
    const answers = await sendParts(session, [{ sql: `${before}select`, count: before === '' ? 1 : 2 }, { sql: lookSql(counting), count: 1 }]) // prettier-ignore
    return readLook(answers[1]!)
  }
  let inTransaction = true
  try {
    const module = await loadModule(script, one.file)
    inTransaction = module.transaction !== false
    const call = () => callModule(module.up, session, { name: one.name, emit, signal, inTransaction })
    if (!inTransaction) {
      watcher.compare(await lookAtAll(session))
      const { to: from } = await look('')
      const locks = await withWitness(await witness(), session.backendPid, call)
      if (session.client.getTransactionStatus() !== 'I') throw new Error('it left a transaction open')
      const { from: to } = await look('')
      const effects = watcher.compare(await lookAtAll(session), locks)
      statements.push(rehearsedStatement(rehearsing, unit, { from, to, transaction: null }, effects))
      await assertOutside(on, one)
      return { rehearsed: { ...base, commitMs: null } }
    }
    watcher.begin()
    const before = await look('begin; ')
    watcher.observe(before, 'itself')
    const own = await transactionOf(session)
    await call()
    if ((await transactionOf(session)) !== own) throw endedTransaction(step, new Error('another transaction'))
    const after = await look('')
    const times = { from: before.to, to: after.from, transaction: rehearsing.nextTransaction() }
    statements.push(rehearsedStatement(rehearsing, unit, times, watcher.observe(after, 'itself')))
    return { rehearsed: { ...base, commitMs: await endAndCommit(on, step) } }
  } catch (error) {
    await rollBack(session)
    if (signal.aborted) throw signal.reason
    const cause = error instanceof ScriptError ? error.error : error
    if (!(cause instanceof Failure) && !(cause instanceof ModuleError) && isConnectionLost(cause)) throw cause
    const failure = cause instanceof Failure ? cause : inTransaction ? failed(step, cause) : moduleStopped(one, cause)
    return { rehearsed: { ...base, commitMs: null, failed: failedAtPlace(one, failure, null) }, error: failure }
  }
}

/** The number of the transaction that the session is in, which gets one by that. */
async function transactionOf(session: Session): Promise<string> {
  const [row] = await session.query<{ id: string }>('select pg_catalog.pg_current_xact_id()::text as id')
  return row!.id
}
