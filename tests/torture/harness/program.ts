// The program as it ships, in a process of its own: for trials whose subject is its death.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

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

/** What a command is put behind to be process 1, as in a container; whoever may not do that is told by unshare. */
export const asProcessOne = ['unshare', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child']

/** The pid, seen from here, of a process 1 that is just starting: returned when Node has its own handlers and we do not. */
export function startingProcessOne(unshare: number): number {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    const [pid] = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').split(' ').filter(Boolean)
    if (pid !== undefined && catches(pid, signalNumbers['SIGTERM']!)) return Number(pid)
  }
  throw new Error('waited 10 s in vain until Node listened to SIGTERM')
}

function catches(pid: string, signal: number): boolean {
  const [, mask = '0'] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}
