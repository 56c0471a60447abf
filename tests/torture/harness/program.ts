// The program as it ships, in a process of its own: for trials whose subject is its death.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** How a process ended; a signal that killed it counts as 128 and its number, as in a shell. */
export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Process {
  readonly pid: number
  readonly stderr: () => string
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<Ended>
}

type Env = Readonly<Record<string, string | undefined>>

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** `node program ...args`; `prefix` is what it runs under, as `ip netns exec somewhere`. */
export function startProgram(
  program: string,
  { args = ['up'], env, cwd, prefix = [] }: { args?: string[]; env: Env; cwd: string; prefix?: string[] },
): Process {
  const [file, ...rest] = [...prefix, process.execPath, program, ...args]
  const child = spawn(file!, rest, {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text.stdout += more))
  child.stderr.setEncoding('utf8').on('data', (more: string) => (text.stderr += more))
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => {
    const exitCode = signal === null ? Number(code) : 128 + (signalNumbers[String(signal)] ?? 0)
    return { exitCode, ...text }
  })
  return { pid: child.pid!, stderr: () => text.stderr, kill: (signal) => void child.kill(signal), ended }
}
