#!/usr/bin/env node
import { hostname } from 'node:os'
import { Failure } from './src/errors.ts'
import type { Io } from './src/io.ts'

// Handlers first: Node as process 1 would ignore a signal that comes while the rest is still loading.
const interrupt = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const failure = interrupted(signal)
    // The second one means now; the server rolls back what was in flight.
    if (interrupt.signal.aborted) process.exit(failure.exitCode)
    interrupt.abort(failure)
  })
}
// A reader that has gone away does not change what is done to the database.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const io: Io = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupt.signal,
  hostname: hostname(),
}
const { main } = await import('./src/main.ts')
// At once, without waiting for sockets and timers to close.
process.exit(await main(io))

function interrupted(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): Failure {
  const code = signal === 'SIGINT' ? 'INTERRUPTED_INT' : 'INTERRUPTED_TERM'
  const next = 'Start it again when it suits: what was applied stays, the rest is still pending.'
  return new Failure(code, `stopped by ${signal}; what was in flight was rolled back`, { next })
}
