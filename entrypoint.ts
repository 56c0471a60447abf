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
void main(io).then((exitCode) => {
  told = true
  // At once, without waiting for sockets and timers to close.
  process.exit(exitCode)
})
