import { Failure } from '../../errors.ts'
import { resetSql } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { compareSchemas } from '../../schema/difference.ts'
import { nameBlocker } from '../apply/failures.ts'
import type { StepContext } from '../apply/step.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { openStepContext } from '../step-context.ts'
import { rehearseInTransaction } from './in-transaction.ts'
import { lookAtAll } from './measure.ts'
import type { TargetState } from './pending.ts'
import { asFailure, describe, readClock } from './rehearse-all.ts'
import type { RehearsedMigration } from './rehearsal.ts'
import type { Rehearsing } from './rehearsing.ts'
import type { Played } from './stages.ts'
import { watch } from './watcher.ts'

/** For how long a lock of others is waited for: whoever comes after us waits behind us. */
const lockTimeoutMs = 1_000

/**
 * Rehearses in one transaction of the target, which is rolled back, and within `longMs`, because its locks are real. Throws
 * REFUSED, before anything is locked, for what no transaction can hold, and LOCKED while another runner is at work.
 */
export function onTarget(given: Run, { pending }: TargetState, longMs: number): Promise<Played> {
  refuseWhatStays(pending)
  const timeout = Math.min(given.config.lockTimeoutMs || lockTimeoutMs, lockTimeoutMs)
  const run = { ...given, config: { ...given.config, lockTimeoutMs: timeout } }
  return withServer(run, requirePrimary, async (session) => {
    const on = await openStepContext(run, session)
    await session.query(`${resetSql(session, on.settings)}`)
    const before = await describe(run, session)
    const watcher = watch(await lookAtAll(session))
    const begun = await readClock(session)
    const deadline = performance.now() + longMs
    const bound = () => `select pg_catalog.set_config('statement_timeout', '${Math.max(1, Math.ceil(deadline - performance.now()))}ms', true)` // prettier-ignore
    const rehearsing: Rehearsing = { on, watcher, begun, nextTransaction: () => 1, within: { transaction: 1, bound } }
    const migrations: RehearsedMigration[] = []
    let failure: Failure | null = null
    let difference = null
    try {
      await begin(on)
      for (const one of pending) {
        if (migrations.length > 0) await session.query(resetSql(session, on.settings))
        const looking = on.watch(() => one.one.name)
        const { rehearsed, error } = await rehearseInTransaction(rehearsing, one, one.one.script as never)
        looking.stop()
        migrations.push(rehearsed)
        if (error === undefined) continue
        if (on.signal.aborted) throw on.signal.reason
        failure = explain(one.one.name, asFailure(error), {
          longMs,
          timeout,
          blockers: looking.blockers().map(nameBlocker),
        })
        break
      }
      if (failure === null) {
        await runScript(session, `${bound()}; set constraints all immediate`)
        difference = compareSchemas(before, await describe(run, session), { exclude: [], also: [] })
      }
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error
      failure = new Failure(
        'FAILED',
        'a deferred constraint fails, as it would at the commit',
        { reason: error.message },
        error,
      )
    } finally {
      await rollBack(session)
    }
    const notes = [
      'all of it was one transaction, so that locks of earlier migrations were still held by later ones; up commits after each',
      'it was rolled back; what sequences had given out stays given out',
    ]
    return { server: session.serverVersionText, migrations, difference, failure, notes }
  })
}

async function begin({ session, lockKey }: StepContext): Promise<void> {
  try {
    await runScript(session, `begin; select 1 / pg_catalog.pg_try_advisory_xact_lock(${lockKey})::int`)
  } catch (error) {
    if (!(error instanceof ScriptError) || (error.error as { code?: string }).code !== '22012') throw error
    throw new Failure('LOCKED', 'another runner is at work on the target; nothing was rehearsed', {
      next: 'Run it again when that has ended.',
    })
  }
}

/** What would commit by itself, or can be undone by nobody. */
function refuseWhatStays(pending: TargetState['pending']): void {
  const staying = pending.filter(({ one: { script } }) => script.kind === 'module' || !script.transaction)
  if (staying.length === 0) return
  const why = ({ one: { name, script } }: TargetState['pending'][number]) =>
    `${name}: ${script.kind === 'module' ? 'it is code, which may commit' : 'it runs outside a transaction'}`
  throw new Failure('REFUSED', 'not all that is pending can be rolled back; nothing was rehearsed', {
    list: staying.map(why),
    next: 'Rehearse it on a shadow (without --on-target), or only what comes before: --to <name>.',
  })
}

interface Circumstances {
  readonly longMs: number
  readonly timeout: number
  readonly blockers: readonly string[]
}

/** What stopped it may be ours, or others': neither is a fault of the migration. */
function explain(name: string, failure: Failure, { longMs, timeout, blockers }: Circumstances): Failure {
  const { sqlstate, place } = failure.facts
  const facts = { ...(place ? { place } : {}), ...(sqlstate === undefined ? {} : { sqlstate }) }
  if (sqlstate === '57014') {
    return new Failure('REFUSED', `${name} was not done after ${longMs / 1000} s on the target, and was rolled back`, {
      ...facts,
      next: 'As long as it runs its locks are held. Rehearse it on a copy (--clone), or give it longer: --long 30s.',
    })
  }
  if (sqlstate !== '55P03') return failure
  return new Failure('BUSY', `others' locks kept ${name} from being rehearsed on the target for ${timeout / 1000} s`, {
    ...facts,
    list: blockers,
    next: 'Run it again when the blocking transactions have ended.',
  })
}
