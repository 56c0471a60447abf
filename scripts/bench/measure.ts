import { spawnSync } from 'node:child_process'

export type Env = Readonly<Record<string, string>>

/** Runs a command to its end; returns what it wrote to stdout, throws when it fails. */
export function run(command: readonly string[], env: Env = {}): string {
  const [program = '', ...args] = command
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (error) throw error
  if (status !== 0) throw new Error(`${program} ended with ${String(status)}\n${stderr.slice(-2_000)}`)
  return stdout
}

/** The milliseconds that a command takes, from outside. */
export function time(command: readonly string[], env: Env = {}): number {
  const begun = performance.now()
  run(command, env)
  return performance.now() - begun
}

export interface Ratio {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** a / b, measured in turn (a b a b ...) so that a drifting machine moves both; the first pair does not count. */
export function ratio(a: () => number, b: () => number, pairs: number): Ratio {
  const measured = Array.from({ length: pairs + 1 }, () => [a(), b()] as const).slice(1)
  return ratioOf(
    measured.map(([one]) => one),
    measured.map(([, other]) => other),
  )
}

/** The same of what was measured in turn already. */
export function ratioOf(a: readonly number[], b: readonly number[]): Ratio {
  const sorted = a.map((one, i) => one / b[i]!).sort((x, y) => x - y)
  return { median: sorted[Math.floor(sorted.length / 2)]!, min: sorted[0]!, max: sorted.at(-1)! }
}
