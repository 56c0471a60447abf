import { Failure } from './errors.ts'

const controller = new AbortController()

/** Aborted by the first SIGTERM, SIGINT or SIGHUP, with the Failure to end with; the second one ends the process. */
export const interruption: AbortSignal = controller.signal

// Imported first, so that this runs first: Node as process 1 would ignore a signal that comes while the rest loads.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const code = signal === 'SIGINT' ? 'INTERRUPTED_INT' : 'INTERRUPTED_TERM'
    const next = 'Start it again when it suits: what was applied stays, the rest is still pending.'
    const failure = new Failure(code, `stopped by ${signal}; what was in flight was rolled back`, { next })
    if (controller.signal.aborted) process.exit(failure.exitCode)
    controller.abort(failure)
  })
}
