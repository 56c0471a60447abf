import { describeSchema } from '../../catalog/describe.ts'
import { Failure } from '../../errors.ts'
import { resetSession } from '../../postgres/prepare.ts'
import { ScriptError } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import type { Description } from '../../schema/description.ts'
import { type Difference, compareSchemas } from '../../schema/difference.ts'
import { newRunConnection } from '../connection.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { openStepContext } from '../step-context.ts'
import { rehearseCode } from './code.ts'
import { rehearseInTransaction } from './in-transaction.ts'
import { rehearseJoined, takeJoinable } from './joined.ts'
import { clockSql, lookAtAll, readLook } from './look/measure.ts'
import { rehearseOutside } from './outside.ts'
import type { RehearsedMigration } from './rehearsal.ts'
import type { Outcome, PendingMigration, Rehearsing } from './rehearsing.ts'
import { sendParts } from './send.ts'
import { watch } from './look/watcher.ts'
import type { Witness } from './look/witness.ts'

/** What the rehearsal of all that is pending has shown. */
export interface Rehearsed {
  readonly server: string
  readonly migrations: readonly RehearsedMigration[]
  readonly difference: Difference | null
  readonly failure: Failure | null
}

/** Runs what is pending on a database that is nobody's and as the target is, and commits it there; stops at the first that fails. */
export function rehearseAll(run: Run, pending: readonly PendingMigration[]): Promise<Rehearsed> {
  return withServer(run, requirePrimary, (session) =>
    withLazyWitness(run, async (witness) => {
      const on = await openStepContext(run, session)
      let hasEventTriggers = await resetSession(session, on.settings)
      // Nobody will ask for any of it after a crash.
      await session.query('set synchronous_commit = off')
      const before = await describe(run, session)
      const watcher = watch(await lookAtAll(session))
      let transactions = 0
      const rehearsing: Rehearsing = {
        on,
        watcher,
        begun: await readClock(session),
        nextTransaction: () => (transactions += 1),
      }
      const migrations: RehearsedMigration[] = []
      let failure: Failure | null = null
      for (let i = 0; i < pending.length && failure === null; i = migrations.length) {
        on.signal.throwIfAborted()
        const joined = takeJoinable(pending.slice(i))
        const done = joined.length > 1 ? await rehearseJoined(rehearsing, joined, hasEventTriggers) : []
        migrations.push(...done)
        if (joined.length > 1) {
          hasEventTriggers = await resetSession(session, on.settings)
          await session.query('set synchronous_commit = off')
        }
        if (done.length > 0) continue
        const one = pending[i]!
        const { rehearsed, error } = await rehearseOne(rehearsing, witness, one)
        migrations.push(rehearsed)
        if (error !== undefined && on.signal.aborted) throw on.signal.reason
        if (error !== undefined) failure = asFailure(error)
        // A file that failed outside a transaction has left what it set, too.
        hasEventTriggers = await resetSession(session, on.settings)
        await session.query('set synchronous_commit = off')
      }
      const after = await describe(run, session)
      const difference = compareSchemas(before, after, { exclude: [], also: [] })
      return { server: session.serverVersionText, migrations, difference, failure }
    }),
  )
}

/** When a rehearsal begins, by the clock of the server. */
export async function readClock(session: Session): Promise<number> {
  return readLook((await sendParts(session, [{ sql: clockSql(), count: 1 }]))[0]!).to
}

/** Anything but a Failure is passed on. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  throw error instanceof ScriptError ? error.error : error
}

async function rehearseOne(
  rehearsing: Rehearsing,
  witness: () => Promise<Witness>,
  pending: PendingMigration,
): Promise<Outcome> {
  const { script } = pending.one
  if (script.kind === 'module') return rehearseCode(rehearsing, witness, pending, script)
  if (script.transaction) return rehearseInTransaction(rehearsing, pending, script)
  return rehearseOutside(rehearsing, await witness(), pending, script)
}

/** A witness whose sessions are opened when they are asked for. */
async function withLazyWitness<T>(run: Run, use: (open: () => Promise<Witness>) => Promise<T>): Promise<T> {
  const over = Promise.withResolvers<void>()
  const closed: Promise<void>[] = []
  const open = () =>
    new Promise<Session>((resolve, reject) => {
      const own = { ...run, connection: newRunConnection(), phase: { ...run.phase } }
      closed.push(withServer(own, requirePrimary, (session) => (resolve(session), over.promise)).catch(reject))
    })
  let witness: Promise<Witness> | undefined
  const openBoth = async () => ({ looks: await open(), holds: await open() })
  try {
    return await use(() => (witness ??= openBoth()))
  } finally {
    over.resolve()
    await Promise.all(closed)
  }
}

export function describe({ config }: Run, session: Session): Promise<Description> {
  // Our tables are all that is in that schema, but in a tenant's; there they stay as they are.
  return describeSchema(session, { without: config.tenant ? [] : [config.schema], withoutTables: [] })
}
