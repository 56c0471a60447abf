import { loadConfig } from '../../src/config/load.ts'
import type { Event } from '../../src/events.ts'
import { noWait } from '../../src/postgres/lock.ts'
import { newRunConnection } from '../../src/run/connection.ts'
import type { Run } from '../../src/run/run.ts'
import type { Database } from './database.ts'

/** A run on a test's database, for what no command shows by itself, with everything that it says. */
export async function makeRun(
  db: Database,
  env: Readonly<Record<string, string>> = {},
  signal = new AbortController().signal,
): Promise<{ readonly run: Run; readonly events: readonly Event[] }> {
  const write = () => {}
  const io = { argv: [], env: { ...db.env, ...env }, cwd: db.dir, stdout: { write }, stderr: { write }, signal, hostname: 'test-host' } // prettier-ignore
  const config = await loadConfig(io, {}, { database: true, dotenv: false })
  const events: Event[] = []
  const run: Run = {
    io,
    config,
    flags: {},
    operands: [],
    emit: (event) => void events.push(event),
    answer: () => {},
    redact: (text) => text,
    signal,
    phase: { current: 'waiting for the server' },
    lockWait: noWait(),
    connection: newRunConnection(),
  }
  return { run, events }
}
