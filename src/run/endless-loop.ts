import { Worker } from 'node:worker_threads'
import type { Migration, Seed } from '../migration.ts'
import { tooLate } from './deadline.ts'
import { type Job, listNotRun } from './job.ts'

/** How long after the deadline the event loop must stand still to count as an endless loop. */
const stillMs = 1_000
const beatMs = 200

/** Where the other thread finds what ends the process: in an evaluation there is nothing but what is global. */
const late = Symbol.for('upfront.late')

/**
 * Ends the process, with the deadline's Failure told, when a module never lets go of the processor: no timer of this
 * thread would run. Another thread watches once the deadline is over, and has this one evaluate that through the
 * inspector, as a debugger would. Returns what ends the watch. Does nothing without a deadline, without modules, and in
 * a process that is not ours to end.
 */
export function breakEndlessLoops(job: Job, all: readonly Pick<Migration | Seed, 'script'>[]): () => void {
  const { config, emit, io, phase } = job.run
  const { exit } = io
  if (config.deadlineMs === 0 || !exit || !all.some(({ script }) => script.kind === 'module')) return () => {}
  const global = globalThis as { [late]?: () => void }
  global[late] = () => {
    const { applied, inFlight } = job.progress
    // Nobody here can find out any more whether what it sent was committed.
    const reason = `${inFlight[0] ?? 'a module'} never let go of the processor; the server rolls back what is not committed`
    const failure = tooLate(config.deadlineMs, phase.current, reason)
    emit({ type: 'failed', failure, applied, notRun: listNotRun(job.progress, true) })
    exit(failure.exitCode)
  }
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const timer = setInterval(() => Atomics.add(beats, 0, 1), beatMs).unref()
  const afterMs = Math.max(0, config.deadlineMs - (performance.now() - job.begun))
  const worker = new Worker(watch, { eval: true, workerData: { beats, afterMs, stillMs } })
  // A Node without an inspector cannot do this, and that is no failure.
  worker.on('error', () => {}).unref()
  return () => {
    clearInterval(timer)
    delete global[late]
    void worker.terminate()
  }
}

/**
 * What the other thread runs: a text, because a file of its own would be one more to find, bundled and not. It does not
 * wait for answers, which never come. Terminating the execution instead leaves Node with callbacks that have no end.
 */
const watch = `
  const { Session } = require('node:inspector')
  const { workerData: { beats, afterMs, stillMs } } = require('node:worker_threads')
  setTimeout(() => {
    let last = -1
    const timer = setInterval(() => {
      const now = Atomics.load(beats, 0)
      if (now === last) {
        clearInterval(timer)
        const session = new Session()
        session.connectToMainThread()
        session.post('Runtime.evaluate', { expression: "globalThis[Symbol.for('upfront.late')]?.()" })
      }
      last = now
    }, stillMs)
  }, afterMs)
`
