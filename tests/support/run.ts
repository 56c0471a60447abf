// Calls main() in this process with a world of its own.
import { Failure } from '../../src/errors.ts'
import type { Io, Patience } from '../../src/io.ts'
import { main } from '../../src/main.ts'

/** What is left of a run when it is over. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** The lines of a JSON log; empty for a text log. */
  readonly events: readonly LoggedEvent[]
  /** The migrations that the log, of either format, says were applied. */
  readonly applied: readonly string[]
  /** The same for seeds. */
  readonly seeded: readonly string[]
}

/** One line of the JSON log. */
export type LoggedEvent = { readonly event: string; readonly level: string } & Readonly<Record<string, unknown>>

export interface World {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly signal?: AbortSignal
  /** How long silence of the server is borne; as in production without it. */
  readonly patience?: Patience
}

/** A run of main(); it does in this process what entrypoint.ts does in its own. */
export async function runMain({ argv, env, cwd, signal, patience }: World): Promise<Outcome> {
  const stdout = collect()
  const stderr = collect()
  const io: Io = {
    argv,
    env,
    cwd,
    stdout,
    stderr,
    signal: signal ?? new AbortController().signal,
    hostname: 'test-host',
    ...(patience ? { patience } : {}),
  }
  const exitCode = await main(io)
  return { exitCode, ...readOutput(stdout.text(), stderr.text()) }
}

/** What the output of a run, in this process or in one of its own, has to say. */
export function readOutput(stdout: string, stderr: string): Omit<Outcome, 'exitCode'> {
  const lines = stderr.split('\n')
  const events = lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LoggedEvent] : []))
  return { stdout, stderr, events, applied: names('applied'), seeded: names('seeded') }

  function names(verb: 'applied' | 'seeded'): string[] {
    if (events.length > 0) return events.flatMap(({ event, name }) => (event === verb ? [String(name)] : []))
    return lines.flatMap((line) => new RegExp(`^${verb} {2,}(.+?)  \\d`).exec(line)?.[1] ?? [])
  }
}

/** What entrypoint.ts aborts its signal with. */
export function interruption(signal: 'SIGTERM' | 'SIGINT'): Failure {
  return new Failure(signal === 'SIGINT' ? 'INTERRUPTED_INT' : 'INTERRUPTED_TERM', `stopped by ${signal}`)
}

function collect() {
  let text = ''
  return { write: (more: string) => void (text += more), text: () => text }
}
