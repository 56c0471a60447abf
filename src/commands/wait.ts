import { Failure } from '../errors.ts'
import { refuseBelowFloor } from '../history/floors.ts'
import { neverRan, pendingAgain } from '../history/pending-again.ts'
import { makePlan, refuseMismatch } from '../history/plan.ts'
import { readHistory } from '../history/rows.ts'
import { historyTables } from '../history/tables.ts'
import type { Bundle } from '../migration.ts'
import { withLocalSettings } from '../postgres/local-settings.ts'
import { pause } from '../postgres/pause.ts'
import type { Session } from '../postgres/session.ts'
import { openMigrationsOf } from '../run/folders.ts'
import { startJob } from '../run/job.ts'
import { reportEnd } from '../run/reconnect.ts'
import type { Run } from '../run/run.ts'
import { announce, requirePrimary, withServer } from '../run/server.ts'

const firstPauseMs = 250
const longestPauseMs = 2_000
const repeatAfterMs = 10_000
/**
 * How long a server that has answered before may take for its last answer, so that the reason given is the true one.
 */
const lastLookMs = 1_000
/** How long a server that is right may take to show that it still is. */
const lastCheckMs = 5_000

/**
 * The read-only gate: resolves when the database has every migration of this bundle. Throws PENDING when it does not by
 * the end of the wait, NOT_READY when no server came. Needs USAGE on the schema and SELECT on the history, no more.
 */
export async function wait(run: Run): Promise<number> {
  if (!run.flags['hold'] && !run.flags['ready-file']) return waitThen(run)
  const { openReadyFile } = await import('../run/contract/ready-file.ts')
  const { holdLease } = await import('../run/contract/hold.ts')
  const file = openReadyFile(run)
  try {
    const keeping = { held: ({ id }: { readonly id: string }) => file.write(id), ended: file.tryRemove }
    return await waitThen(run, (bundle, waited) => holdLease(run, bundle, { ...waited, ...keeping }))
  } finally {
    file.remove()
  }
}

/** What was waited for. */
export interface Waited {
  readonly begun: number
  /** Throws when the database is not right for the bundle any more. */
  readonly check: () => Promise<void>
}

/** The same, and then something else. */
export async function waitThen(
  run: Run,
  then: (bundle: Bundle, waited: Waited) => Promise<void> = async () => {},
): Promise<number> {
  const job = startJob(run, 'wait', await openMigrationsOf(run), null)
  announce(run, 'wait', job.bundle)
  const briefly = { ...run.config, waitTimeoutMs: lastCheckMs }
  const quiet = { ...run, emit: () => {}, signal: run.io.signal, config: briefly }
  return reportEnd(job, async () => {
    await untilApplied(run, job.bundle, job.begun)
    // A standby that is behind does not know yet what was contracted before the lease was there to be seen.
    const check = () => untilApplied(quiet, job.bundle, performance.now(), requirePrimary)
    await then(job.bundle, { begun: job.begun, check })
  })
}

async function untilApplied(
  run: Run,
  bundle: Bundle,
  begun: number,
  first: (session: Session) => Promise<void> = async () => {},
): Promise<void> {
  const { config, emit, signal } = run
  let pauseMs = firstPauseMs
  let said = { pending: '', at: 0 }
  const left = () => (config.waitTimeoutMs === 0 ? Infinity : config.waitTimeoutMs - (performance.now() - begun))
  for (let budgetMs = left(); ; budgetMs = Math.max(left(), lastLookMs)) {
    const { pending, deferred } = await withServer(
      {
        ...run,
        missingDatabase: 'await',
        config: { ...config, waitTimeoutMs: budgetMs === Infinity ? 0 : Math.max(budgetMs, 1) },
      },
      async (session) => {
        await first(session)
        return listLeft(run, bundle, session)
      },
      async (_, names) => names,
    )
    if (pending.length === 0) {
      emit({ type: 'up_to_date', migrations: bundle.count - deferred.length, seed: null })
      if (deferred.length > 0) emit({ type: 'deferred', names: deferred, why: [] })
      return
    }
    if (left() <= 0) throw pendingStill(config.waitTimeoutMs, pending)
    const now = performance.now() - begun
    if (pending.join() !== said.pending || now - said.at >= repeatAfterMs) {
      emit({ type: 'pending', names: pending, elapsedMs: now })
      said = { pending: pending.join(), at: now }
    }
    // Not connected in between: many gates may wait at once.
    await pause(Math.min(pauseMs * (0.75 + Math.random() / 2), Math.max(left(), 0)), signal)
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)
  }
}

/** What the bundle has and the database does not, and of that what nobody waits for. */
interface Left {
  readonly pending: readonly string[]
  readonly deferred: readonly string[]
}

/** No history yet means all of it. */
async function listLeft(run: Run, bundle: Bundle, session: Session): Promise<Left> {
  const { lockTimeoutMs, target } = run.config
  const { role, searchPath } = target!
  const reader = withLocalSettings(session, { lockTimeoutMs, role, searchPath })
  const rows = (await readHistory(reader, historyTables(session, run.config))) ?? []
  const plan = makePlan(
    await bundle.list(),
    rows.filter((row) => row.kind === 'migration'),
  )
  // What is missing or out of order is for `up` to refuse; a changed file will never become right by waiting.
  refuseMismatch({ ...plan, abandoned: [], renamed: [] }, { outOfOrder: 'apply', missing: 'ignore' })
  // What is gone from the files while something is pending, or later ones are applied, is a floor as well, unless it was squashed.
  const lacking = [...(run.config.missing === 'ignore' ? [] : plan.missing), ...plan.ahead]
  await refuseBelowFloor(reader, historyTables(session, run.config), lacking)
  const again = pendingAgain('repeatable', await bundle.listRepeatable(), rows)
  // What a newer image has made of one stays, as `up` of this image leaves it; so nothing would ever come.
  const pending = [...plan.pending, ...(plan.ahead.length > 0 ? neverRan(again, rows) : again)]
  if (pending.length === 0) return { pending: [], deferred: plan.deferred.map(({ name }) => name) }
  // What another tool has applied is there, whether or not somebody has taken it over.
  const { readForeign } = await import('../run/adopt/foreign-history.ts')
  const foreign = await readForeign(run, reader, bundle, rows).catch((error: { code?: string }) => {
    // A gate needs no right but that to our history.
    if (error.code !== 'DENIED') throw error
    return null
  })
  const there = new Set([...(foreign?.match.adopted ?? []), ...(foreign?.repeatable ?? [])].map(({ name }) => name))
  const lacks = ({ name }: { readonly name: string }) => (there.has(name) ? [] : name)
  return { pending: pending.flatMap(lacks), deferred: plan.deferred.flatMap(lacks) }
}

function pendingStill(waitedMs: number, list: readonly string[]): Failure {
  return new Failure(
    'PENDING',
    `the database does not have every migration of this bundle after ${waitedMs / 1000} s`,
    {
      list,
      next: 'Run upfront up, or look why it has not finished; raise UPFRONT_WAIT_TIMEOUT when it takes longer than that.',
    },
  )
}
