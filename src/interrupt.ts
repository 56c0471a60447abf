import { closeSync, openSync, readSync } from 'node:fs'
import { Failure } from './errors.ts'

const controller = new AbortController()

/** Aborted by the first SIGTERM, SIGINT or SIGHUP, with the Failure to end with; the second one ends the process. */
export const interruption: AbortSignal = controller.signal

// Imported first, so that this runs first: Node as process 1 would ignore a signal that comes while the rest loads.
const missed = process.pid === 1 ? listenAsFirst() : listen()
if (missed !== undefined) interrupt(missed)

function interrupt(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void {
  const code = signal === 'SIGINT' ? 'INTERRUPTED_INT' : 'INTERRUPTED_TERM'
  const next = 'Start it again when it suits: what was applied stays, the rest is still pending.'
  const failure = new Failure(code, `stopped by ${signal}; what was in flight was rolled back`, { next })
  if (controller.signal.aborted) process.exit(failure.exitCode)
  controller.abort(failure)
}

function on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void {
  process.on(signal, () => interrupt(signal))
}

function listen(): undefined {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) on(signal)
}

/**
 * Listens, and returns the signal that process 1 was sent while Node started, some 30 ms in which it would be lost: the
 * handler that Node has until then catches it, lets go of it for good and raises it again, and from process 1 itself the
 * kernel takes none. So one of the two signals that Node always catches is not caught any more.
 */
function listenAsFirst(): 'SIGTERM' | 'SIGINT' | undefined {
  // What is slow the first time comes before the looks: nobody sees what arrives between a look and its handler.
  on('SIGHUP')
  const status = openSync('/proc/self/status', 'r')
  const [warm, first, second] = [Buffer.alloc(8192), Buffer.alloc(8192), Buffer.alloc(8192)]
  readSync(status, warm, 0, 8192, 0)
  readSync(status, first, 0, 8192, 0)
  on('SIGTERM')
  readSync(status, second, 0, 8192, 0)
  on('SIGINT')
  closeSync(status)
  return gone(first, 15) ? 'SIGTERM' : gone(second, 2) ? 'SIGINT' : undefined
}

/** Whether the signal has come: nobody catches it any more, or it waits for the look to end. */
function gone(status: Buffer, signal: number): boolean {
  const has = (set: string) => {
    const [, mask] = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status.toString('latin1')) ?? []
    return mask === undefined ? undefined : ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
  }
  return has('SigCgt') === false || has('ShdPnd') === true
}
