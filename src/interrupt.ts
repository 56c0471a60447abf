import { readFileSync } from 'node:fs'
import { Failure } from './errors.ts'

const controller = new AbortController()

/** Aborted by the first SIGTERM, SIGINT or SIGHUP, with the Failure to end with; the second one ends the process. */
export const interruption: AbortSignal = controller.signal

const missed = process.pid === 1 ? missedSignal() : undefined
// Imported first, so that this runs first: Node as process 1 would ignore a signal that comes while the rest loads.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => interrupt(signal))
if (missed !== undefined) interrupt(missed)

function interrupt(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void {
  const code = signal === 'SIGINT' ? 'INTERRUPTED_INT' : 'INTERRUPTED_TERM'
  const next = 'Start it again when it suits: what was applied stays, the rest is still pending.'
  const failure = new Failure(code, `stopped by ${signal}; what was in flight was rolled back`, { next })
  if (controller.signal.aborted) process.exit(failure.exitCode)
  controller.abort(failure)
}

/**
 * The signal that process 1 was sent while Node started, some 25 ms in which it would be lost: the handler that Node has
 * until then catches it, lets go of it for good and raises it again, and from process 1 itself the kernel takes none.
 * So one of the two signals that Node always catches is not caught any more.
 */
function missedSignal(): 'SIGTERM' | 'SIGINT' | undefined {
  const [, mask] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  if (mask === undefined) return undefined
  const caught = (number: number) => ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 1n
  if (caught(2) === caught(15)) return undefined
  return caught(2) ? 'SIGTERM' : 'SIGINT'
}
