import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './measure.ts'

/** Makes a folder with one migration of about this many megabytes of INSERTs of so many rows each; returns its file. */
export function makeLarge(dir: string, megabytes: number, rows: number): string {
  mkdirSync(dir, { recursive: true })
  const path = join(dir, '0001_large.sql')
  const file = openSync(path, 'w')
  writeSync(file, 'create table large (id bigint, name text, note text);\n')
  const text = 'x'.repeat(120)
  for (let written = 0, id = 0; written < megabytes * 1e6;) {
    const values = Array.from({ length: rows }, (_, i) => `(${id + i}, 'name ${id + i}', '${text}')`)
    id += rows
    written += writeSync(file, `insert into large values\n${values.join(',\n')};\n`)
  }
  closeSync(file)
  return path
}

/** The peak memory of a run of Node, in megabytes. */
export function peakMb(
  node: string,
  hook: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): number {
  const answer = run([node, '-r', hook, ...args], env)
  return Number(answer.trim().split('\n').at(-1)) / 1000
}

/**
 * Runs a command; returns the most memory of its own that a session of the server had meanwhile, in megabytes, looked at
 * every 20 ms (/proc, so on Linux only).
 */
export async function serverPeakMb(
  postmaster: number,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'ignore' })
  let peak = 0
  const timer = setInterval(() => (peak = Math.max(peak, ...sessionsOf(postmaster))), 20)
  const [status] = (await once(child, 'exit')) as [number]
  clearInterval(timer)
  if (status !== 0) throw new Error(`${program} ended with ${status}`)
  return peak
}

/** The anonymous memory of each process of the server, in megabytes: not what they share. */
function sessionsOf(postmaster: number): number[] {
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  return children.map((pid) => {
    try {
      const isSession = readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres: postgres ')
      const [, kilobytes = 0] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
      return isSession ? Number(kilobytes) / 1000 : 0
    } catch {
      // It has ended since.
      return 0
    }
  })
}
