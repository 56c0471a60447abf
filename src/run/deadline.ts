import { Failure, type FailureCode } from '../errors.ts'

/** What a run is doing, so that its deadline ends with the right exit code. */
export interface Phase {
  current: 'waiting for the server' | 'waiting for the lock' | 'applying'
}

const codes: Readonly<Record<Phase['current'], FailureCode>> = {
  'waiting for the server': 'NOT_READY',
  'waiting for the lock': 'LOCKED',
  applying: 'LOST',
}

/** A signal that is aborted with the given one, or by the deadline with a Failure of the phase; 0 is no deadline. */
export function withDeadline(deadlineMs: number, signal: AbortSignal, phase: Phase): AbortSignal {
  if (deadlineMs === 0) return signal
  const controller = new AbortController()
  const late = () => controller.abort(tooLate(deadlineMs, phase.current))
  const timer = setTimeout(late, deadlineMs).unref()
  const onAbort = () => {
    clearTimeout(timer)
    controller.abort(signal.reason)
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return controller.signal
}

/** Why a run ends with its deadline; while it applies, `reason` says what becomes of what was in flight. */
export function tooLate(
  deadlineMs: number,
  at: Phase['current'],
  reason = 'what was in flight was cancelled and rolled back',
): Failure {
  return new Failure(codes[at], `the deadline of ${deadlineMs / 1000} s was over while ${at}`, {
    ...(at === 'applying' ? { reason } : {}),
    next: 'Run it again, with a longer UPFRONT_DEADLINE when it needs one: what was applied stays.',
  })
}
