import { Worker, isMainThread } from 'node:worker_threads'
import type { Migration, Seed } from '../migrations/migration.ts'
import type { Job } from './job.ts'

/** How long the event loop must have stood still, after the deadline, to be taken for a loop without an end. */
const stillMs = 1_000
const beatMs = 200

/**
 * Ends what a module does without ever letting go of the processor, once the deadline is over: no timer of this thread
 * would run, and no signal be heard. Another thread watches, and terminates this one's execution as a debugger would;
 * then the deadline's own timer comes to its turn. Returns what ends the watch. Does nothing without a deadline, without
 * modules, and outside of the main thread, which is the only one that can be reached so.
 */
export function breakBusyLoops({ run, begun }: Job, all: readonly (Migration | Seed)[]): () => void {
  const { deadlineMs } = run.config
  if (deadlineMs === 0 || !isMainThread || !all.some(({ script }) => script.kind === 'module')) return () => {}
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const timer = setInterval(() => Atomics.add(beats, 0, 1), beatMs).unref()
  const afterMs = Math.max(0, deadlineMs - (performance.now() - begun))
  const worker = new Worker(watch, { eval: true, workerData: { beats, afterMs, stillMs } })
  // Without an inspector in this Node there is nothing to be done, and nothing to fail of.
  worker.on('error', () => {}).unref()
  return () => {
    clearInterval(timer)
    void worker.terminate()
  }
}

/** What the other thread runs: a text, because a file of its own would be one more to find, bundled and not. */
const watch = `
  const { Session } = require('node:inspector')
  const { workerData: { beats, afterMs, stillMs } } = require('node:worker_threads')
  setTimeout(() => {
    let last = -1
    setInterval(() => {
      const now = Atomics.load(beats, 0)
      if (now === last) {
        const session = new Session()
        session.connectToMainThread()
        session.post('Runtime.terminateExecution', () => session.disconnect())
      }
      last = now
    }, stillMs)
  }, afterMs)
`
