import { Failure } from '../../errors.ts'
import type { ModuleScript } from '../../migration.ts'
import { rollBack, runScript } from '../../postgres/script.ts'
import { failed } from '../apply/failures.ts'
import type { Step } from '../apply/step.ts'
import { callModule, loadModule } from '../modules/module.ts'
import { lookAtAll, lookSql, readLook } from './measure.ts'
import { type Outcome, type PendingMigration, type Rehearsing, rehearsedStatement } from './rehearsing.ts'
import type { RehearsedStatement } from './rehearsal.ts'
import { sendParts } from './send.ts'
import type { Unit } from './units.ts'
import { type Witness, withWitness } from './witness.ts'

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
  const step: Step = { kind, name: one.name, file: one.file, before: '', after: '', body: { run: async () => {} } }
  const statements: RehearsedStatement[] = []
  const base = { kind, name: one.name, file: one.file, how: 'module', statements } as const
  const look = async (before: string) => {
    // Only the first look of a transaction asks for what is outstanding.
    const counting = before === '' ? [] : watcher.counting()
    const answers = await sendParts(session, [{ sql: `${before}select`, count: before === '' ? 1 : 2 }, { sql: lookSql(counting), count: 1 }]) // prettier-ignore
    return readLook(answers[1]!)
  }
  try {
    const module = await loadModule(script, one.file)
    const inTransaction = module.transaction !== false
    const call = () => callModule(module.up, session, { name: one.name, emit, signal, inTransaction })
    if (!inTransaction) {
      watcher.compare(await lookAtAll(session))
      const { to: from } = await look('')
      const locks = await withWitness(await witness(), session.backendPid, call)
      const { from: to } = await look('')
      const effects = watcher.compare(await lookAtAll(session), locks)
      statements.push(rehearsedStatement(rehearsing, unit, { from, to, transaction: null }, effects))
      return { rehearsed: { ...base, commitMs: null } }
    }
    watcher.begin()
    const before = await look('begin; ')
    watcher.observe(before, 'itself')
    await call()
    const after = await look('')
    const times = { from: before.to, to: after.from, transaction: rehearsing.nextTransaction() }
    statements.push(rehearsedStatement(rehearsing, unit, times, watcher.observe(after, 'itself')))
    const begun = performance.now()
    await runScript(session, 'commit')
    return { rehearsed: { ...base, commitMs: performance.now() - begun } }
  } catch (error) {
    await rollBack(session)
    if (signal.aborted) throw signal.reason
    const failure = error instanceof Failure ? error : failed(step, error)
    const { place } = failure.facts
    return {
      rehearsed: { ...base, commitMs: null, failed: { statement: null, ...(place ? { place } : {}) } },
      error: failure,
    }
  }
}
