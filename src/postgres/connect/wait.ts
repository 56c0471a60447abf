import { type Target, describeTarget } from '../../config/database/target.ts'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { type Verdict, classifyConnectError } from '../classify.ts'
import { pause } from '../pause.ts'
import { type Session, openSession } from '../session.ts'
import type { Encryption } from './socket.ts'

export interface WaitOptions {
  readonly target: Target
  readonly applicationName: string
  /** How long to wait for the server, in all. */
  readonly timeoutMs: number
  /** How long a wrong password or a missing role or database is retried. */
  readonly graceMs: number
  /** Makes the database when it does not exist, or waits until somebody has, instead of failing. */
  readonly missingDatabase: 'create' | 'await' | undefined
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** A server that answers but cannot serve yet: thrown by the first question, time can mend it. */
export class NotYet extends Error {}

/** A server that takes no writes though it is no standby: given a short while, then UNSAFE. */
export class ReadOnly extends Error {}

/** An attempt that ended because the whole wait did. */
class CutShort extends Error {}

const attemptTimeoutMs = 5_000
const firstDelayMs = 100
const longestDelayMs = 2_000
const repeatAfterMs = 10_000

/**
 * A session of a server that has answered the first question, and that answer. Retries only what time can mend, by the
 * monotonic clock, and says so when the reason changes; throws a Failure NOT_READY, DENIED, UNSAFE or USAGE.
 */
export async function waitForServer<First>(
  options: WaitOptions,
  ask: (session: Session) => Promise<First>,
): Promise<{ session: Session; first: First; waitedMs: number }> {
  const { emit, signal } = options
  const begun = performance.now()
  const elapsed = () => performance.now() - begun
  let lastReason = ''
  let saidAt = 0
  let graceSince: number | undefined
  let known: { verdict: Verdict; error: unknown } | undefined
  let delayMs = firstDelayMs
  for (;;) {
    const outcome = await attemptAll(options, ask, options.timeoutMs === 0 ? Infinity : begun + options.timeoutMs)
    if ('session' in outcome) return { ...outcome, waitedMs: lastReason === '' ? 0 : elapsed() }
    // An attempt that only ran out of our time says less than the one before it.
    if (known === undefined || !(outcome.error instanceof CutShort)) known = outcome
    const { verdict, error } = known
    if (verdict.verdict !== 'grace') graceSince = undefined
    else graceSince ??= elapsed()
    const graceLeft = graceSince === undefined ? Infinity : graceSince + options.graceMs - elapsed()
    if (verdict.verdict === 'fatal' || graceLeft <= 0) throw denied(options, verdict, error)
    const isOver = options.timeoutMs !== 0 && elapsed() >= options.timeoutMs
    // A wait that is shorter than the grace must not turn a wrong password into a server that is not ready.
    if (isOver) throw (verdict.verdict === 'grace' ? denied : notReady)(options, verdict, error)
    if (verdict.reason !== lastReason || elapsed() - saidAt >= repeatAfterMs) {
      emit({ type: 'waiting', reason: verdict.reason, target: describeTarget(options.target), elapsedMs: elapsed() })
      lastReason = verdict.reason
      saidAt = elapsed()
    }
    const left = options.timeoutMs === 0 ? Infinity : options.timeoutMs - elapsed()
    // Full jitter, so that a herd of starting pods does not knock in step.
    await pause(Math.min(Math.random() * delayMs, Math.max(left, 0), graceLeft), signal)
    delayMs = Math.min(delayMs * 1.5, longestDelayMs)
  }
}

type Attempt<First> = { session: Session; first: First } | { verdict: Verdict; error: unknown }

/**
 * Tries every host in order, as sslmode says; returns the first that answers, or the most hopeful verdict. Each host
 * gets a share of the time that is left, so that one that never answers leaves some for the next.
 */
async function attemptAll<First>(
  given: WaitOptions,
  ask: (session: Session) => Promise<First>,
  until: number,
): Promise<Attempt<First>> {
  // The files may name another server by now.
  const options = { ...given, target: { ...given.target, ...(await given.target.renew?.()) } }
  const { hosts } = options.target
  let best: { verdict: Verdict; error: unknown } | undefined
  for (const [index, host] of hosts.entries()) {
    const begun = performance.now()
    const share = Math.max(until - begun, 1) / (hosts.length - index)
    for (const encryption of encryptions(options.target)) {
      const budgetMs = Math.max(begun + share - performance.now(), 1)
      const result = await attempt(options, { at: host, encryption, budgetMs }, ask)
      if ('session' in result) return result
      if (best === undefined || rank[result.verdict.verdict] > rank[best.verdict.verdict]) best = result
      // With sslmode allow and prefer the other kind is tried only when the kind may be what was refused.
      if (!mayBeEncryption(result.verdict)) break
    }
  }
  return best!
}

const rank = { fatal: 0, grace: 1, retry: 2 }

/** TLS itself failed, or pg_hba.conf has no line for a connection of this kind. */
function mayBeEncryption(verdict: Verdict): boolean {
  return verdict.code === 'DENIED' && (verdict.sqlstate === undefined || verdict.sqlstate === '28000')
}

function encryptions(target: Target): readonly Encryption[] {
  switch (target.tls.mode) {
    case 'disable':
      return ['never']
    case 'allow':
      return ['never', 'always']
    case 'prefer':
      return ['offered', 'never']
    default:
      return ['always']
  }
}

/** One host, one kind of encryption, and what is left of the time. */
interface Try {
  readonly at: Target['hosts'][number]
  readonly encryption: Encryption
  readonly budgetMs: number
}

async function attempt<First>(
  options: WaitOptions,
  { at, encryption, budgetMs }: Try,
  ask: (session: Session) => Promise<First>,
): Promise<Attempt<First>> {
  const limitMs = Math.min(options.target.connectTimeoutMs || attemptTimeoutMs, budgetMs)
  const late = new AbortController()
  const Late = budgetMs <= limitMs ? CutShort : Error
  let session: Session | undefined
  const giveUp = () => {
    const whose =
      session === undefined ? '' : ', though it let us in: a lock on our tables, or a pooler without a place?'
    late.abort(new Late(`no answer within ${(limitMs / 1000).toFixed(1)} s${whose}`))
  }
  const timer = setTimeout(giveUp, limitMs)
  const signal = AbortSignal.any([options.signal, late.signal])
  try {
    session = await openSession(options.target, { at, encryption, applicationName: options.applicationName }, signal)
    const { role } = options.target
    const asked = role === undefined ? session : (await import('../local-settings.ts')).withLocalRole(session, role)
    const first = await raceAbort(ask(asked), signal)
    return { session, first }
  } catch (error) {
    if (session !== undefined && signal.aborted) await withdraw(session)
    session?.close()
    if (options.signal.aborted) throw options.signal.reason
    if (error instanceof Failure) throw error
    if (error instanceof ReadOnly) {
      return { verdict: { verdict: 'grace', code: 'UNSAFE', reason: error.message }, error }
    }
    if (error instanceof NotYet) {
      return { verdict: { verdict: 'retry', code: 'NOT_READY', reason: error.message }, error }
    }
    const verdict = classifyConnectError(error)
    if (verdict.sqlstate === '3D000' && options.missingDatabase === 'await')
      return { verdict: { ...verdict, verdict: 'retry' }, error }
    if (verdict.sqlstate === '3D000' && options.missingDatabase === 'create') {
      const { createDatabase } = await import('./create-database.ts')
      const end = Number.isFinite(budgetMs) ? [AbortSignal.timeout(Math.ceil(budgetMs))] : []
      const whole = AbortSignal.any([options.signal, ...end])
      const { applicationName } = options
      const creating = { at, encryption, applicationName, opening: signal, whole }
      return createDatabase(options.target, creating).then(
        () => ({ verdict: { ...verdict, verdict: 'retry' as const, reason: 'created the database' }, error }),
        (failure: unknown) => {
          if (failure instanceof Failure) throw failure
          return { verdict: classifyConnectError(failure), error: failure }
        },
      )
    }
    return { verdict, error }
  } finally {
    clearTimeout(timer)
  }
}

const withdrawnWithinMs = 500

/** Cancels a question that waits for a lock, because otherwise each try would leave one behind on the server. */
async function withdraw(session: Session): Promise<void> {
  const asked = session.cancel().catch(() => {})
  await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, withdrawnWithinMs).unref())])
}

/** Settles as the promise does, or rejects with the signal's reason; whichever comes first. */
function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function denied(options: WaitOptions, verdict: Verdict, cause: unknown): Failure {
  const { detail, hint } = cause as { detail?: string; hint?: string }
  return new Failure(
    verdict.code,
    `cannot use database ${describeTarget(options.target)}`,
    {
      reason: verdict.reason,
      ...(verdict.sqlstate === undefined ? {} : { sqlstate: verdict.sqlstate }),
      ...(detail === undefined ? {} : { detail }),
      ...(hint === undefined ? {} : { hint }),
      next: verdict.next ?? `Check the connection settings (from ${options.target.source}).`,
    },
    cause,
  )
}

function notReady(options: WaitOptions, verdict: Verdict, cause: unknown): Failure {
  const seconds = (options.timeoutMs / 1000).toFixed(options.timeoutMs % 1000 === 0 ? 0 : 1)
  return new Failure(
    'NOT_READY',
    `database ${describeTarget(options.target)} was not ready within ${seconds} s`,
    {
      reason: verdict.reason,
      ...(verdict.sqlstate === undefined ? {} : { sqlstate: verdict.sqlstate }),
      next: verdict.next ?? 'Start the server, check host and port, or raise UPFRONT_WAIT_TIMEOUT.',
    },
    cause,
  )
}
