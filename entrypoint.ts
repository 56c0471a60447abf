#!/usr/bin/env node
import { interruption } from './src/interrupt.ts'
// The line above stays first: it installs the signal handlers.
import { closeSync } from 'node:fs'
import { failures } from './src/errors.ts'
import type { Io } from './src/io.ts'
import { main } from './src/main.ts'

/** A reader that has gone away does not change what is done to the database. */
function unheard(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on('error', () => {})
}

const longestFlushMs = 10_000

/** Resolves when a reader has taken all of it, has gone away, or takes nothing for ten seconds. */
function heard(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => resolve()).write('', () => resolve())
    setTimeout(resolve, longestFlushMs)
  })
}

let answers: NodeJS.WriteStream | undefined

let told = false
const io: Io = {
  argv: process.argv.slice(2),
  // A copy: every look at the real one is a call into the system.
  env: { ...process.env },
  cwd: process.cwd(),
  // Opened by those commands alone that answer something.
  get stdout() {
    return (answers ??= unheard(process.stdout))
  },
  stderr: unheard(process.stderr),
  signal: interruption,
  // Loaded by those alone who record something.
  get hostname() {
    return process.getBuiltinModule('node:os').hostname()
  },
  exit: (code) => {
    told = true
    // Node would say something of debuggers behind the last line.
    closeSync(2)
    process.exit(code)
  },
}
// A module of somebody's that calls process.exit() must not look like success; the server rolls back what was open.
process.on('exit', () => {
  if (told || interruption.aborted) return
  process.stderr.write(
    'failed         22 FAILED: a migration or a seed ended the process; what was in flight is rolled back\n',
  )
  process.exitCode = failures.FAILED.exit
})
void main(io).then(async (exitCode) => {
  told = true
  // Leaving drops what a slow reader has not taken from a full pipe, and the last line is the one that matters.
  const waiting = [process.stderr, answers].filter((stream) => stream !== undefined && stream.writableLength > 0)
  if (waiting.length > 0) await Promise.all(waiting.map((stream) => heard(stream!)))
  // At once, without waiting for sockets and timers to close.
  process.exit(exitCode)
})
