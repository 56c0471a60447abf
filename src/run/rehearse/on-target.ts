import { Failure } from '../../errors.ts'
import type { Isolation } from '../../migration.ts'
import { resetSql } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { compareSchemas } from '../../schema/difference.ts'
import { nameBlocker } from '../apply/failures.ts'
import type { StepContext } from '../apply/step.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { openStepContext } from '../step-context.ts'
import { rehearseInTransaction } from './in-transaction.ts'
import { lookAtAll } from './look/measure.ts'
import type { TargetState } from './pending.ts'
import { asFailure, describe, readClock } from './rehearse-all.ts'
import type { RehearsedMigration } from './rehearsal.ts'
import type { Rehearsing } from './rehearsing.ts'
import type { Played } from './stages.ts'
import { watch } from './look/watcher.ts'

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
    // A file may have set both, and what it may keep others waiting for is ours to say.
    const bound = () =>
      `select pg_catalog.set_config('statement_timeout', '${Math.max(1, Math.ceil(deadline - performance.now()))}ms', true),
        pg_catalog.set_config('lock_timeout', '${timeout}ms', true)`
    const rehearsing: Rehearsing = { on, watcher, begun, nextTransaction: () => 1, within: { transaction: 1, bound } }
    const migrations: RehearsedMigration[] = []
    const isolation = isolationOf(pending)
    const notes = notesOf(pending, isolation)
    let failure: Failure | null = null
    let difference = null
    try {
      await begin(on, isolation)
      for (const one of pending) {
        if (migrations.length > 0) await session.query(resetSql(session, on.settings))
        const looking = on.watch(() => one.one.name)
        const { rehearsed, error } = await rehearseInTransaction(rehearsing, one, one.one.script as never)
        looking.stop()
        migrations.push(rehearsed)
        if (error === undefined) continue
        if (on.signal.aborted) throw on.signal.reason
        const blockers = looking.blockers().map(nameBlocker)
        const earlier = pending.slice(0, migrations.length - 1)
        failure = explain(one.one.name, asFailure(error), { longMs, timeout, blockers, earlier })
        break
      }
      if (failure === null) {
        await session.query(resetSql(session, on.settings))
        await session.query(bound())
        const after = await describe(run, session).catch(orNoTime)
        if (after === null) notes.push('what the schema becomes was not found out, for lack of time: --long 30s')
        else difference = compareSchemas(before, after, { exclude: [], also: [] })
      }
    } finally {
      await rollBack(session)
    }
    return { server: session.serverVersionText, migrations, difference, failure, notes }
  })
}

async function begin({ session, lockKey }: StepContext, isolation: Isolation | undefined): Promise<void> {
  const level = isolation === undefined ? '' : ` isolation level ${isolation}`
  try {
    await runScript(session, `begin${level}; select 1 / pg_catalog.pg_try_advisory_xact_lock(${lockKey})::int`)
  } catch (error) {
    if (!(error instanceof ScriptError) || (error.error as { code?: string }).code !== '22012') throw error
    throw new Failure('LOCKED', 'another runner is at work on the target; nothing was rehearsed', {
      next: 'Run it again when that has ended.',
    })
  }
}

/** The isolation level that all of them ask for; one transaction has but one. */
function isolationOf(pending: TargetState['pending']): Isolation | undefined {
  const [first, ...others] = new Set(
    pending.map(({ one: { script } }) => ('isolation' in script ? script.isolation : undefined)),
  )
  return others.length === 0 ? first : undefined
}

function notesOf(pending: TargetState['pending'], isolation: Isolation | undefined): string[] {
  const own = pending.filter(({ one: { script } }) => 'isolation' in script && script.isolation !== isolation)
  const names = own.map(({ one: { name } }) => name).join(', ')
  return [
    'all of it was one transaction, so that locks of earlier migrations were still held by later ones; up commits after each',
    'it was rolled back; what sequences had given out stays given out',
    ...(own.length > 0 && isolation === undefined
      ? [`the isolation level that they ask for was not that of the one transaction: ${names}`]
      : []),
  ]
}

/** What was to be described while the time ran out. */
function orNoTime(error: unknown): null {
  if ((error as { code?: string }).code !== '57014') throw error
  return null
}

/** What would commit by itself, or can be undone by nobody. */
function refuseWhatStays(pending: TargetState['pending']): void {
  const staying = pending.flatMap(({ one: { name, script } }) => {
    const why = whyItStays(script)
    return why === null ? [] : [`${name}: ${why}`]
  })
  if (staying.length === 0) return
  throw new Failure('REFUSED', 'not all that is pending can be rolled back; nothing was rehearsed', {
    list: staying,
    next: 'Rehearse it on a shadow (without --on-target), or only what comes before: --to <name>.',
  })
}

function whyItStays(script: TargetState['pending'][number]['one']['script']): string | null {
  if (script.kind === 'module') return 'it is code, which may commit'
  if (!script.transaction) return 'it runs outside a transaction'
  for (const { sql } of script.chunks())
    if (/\bsetval\b/i.test(sql)) return 'it sets a sequence (setval), which no rollback undoes'
  return null
}

interface Circumstances {
  readonly longMs: number
  readonly timeout: number
  readonly blockers: readonly string[]
  /** What has run in the same transaction before. */
  readonly earlier: TargetState['pending']
}

/** What stopped it may be ours, or others': neither is a fault of the migration. */
function explain(name: string, failure: Failure, { longMs, timeout, blockers, earlier }: Circumstances): Failure {
  const { sqlstate, place } = failure.facts
  const facts = { ...(place ? { place } : {}), ...(sqlstate === undefined ? {} : { sqlstate }) }
  if (sqlstate === '57014') {
    return new Failure('REFUSED', `${name} was not done after ${longMs / 1000} s on the target, and was rolled back`, {
      ...facts,
      next: 'As long as it runs its locks are held. Rehearse it on a copy (--clone), or give it longer: --long 30s.',
    })
  }
  if (sqlstate === '55P04' && earlier.some(addsToEnum)) {
    return new Failure(
      'REFUSED',
      `${name} uses what an earlier migration adds to an enum, and in one transaction nobody can`,
      {
        ...facts,
        next: 'Up commits in between. Rehearse it on a shadow (without --on-target), or on a copy (--clone).',
      },
    )
  }
  if (sqlstate !== '55P03') return failure
  return new Failure('BUSY', `others' locks kept ${name} from being rehearsed on the target for ${timeout / 1000} s`, {
    ...facts,
    list: blockers,
    next: 'Run it again when the blocking transactions have ended.',
  })
}

function addsToEnum({ one: { script } }: TargetState['pending'][number]): boolean {
  return script.kind === 'sql' && script.statements.some(({ kind }) => kind === 'AlterEnumStmt')
}
