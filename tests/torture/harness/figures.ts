// What the tests have to say in docs/torture.md travels with their results in vitest's JSON report.
import type { Trial } from './trial.ts'

declare module 'vitest' {
  interface TaskMeta {
    figures?: Record<string, number>
    exits?: Record<string, number>
  }
}

/** Something vitest reports the meta data of. */
export interface Task {
  readonly meta: { figures?: Record<string, number>; exits?: Record<string, number> }
}

export function addFigures({ meta }: Task, trials: readonly Trial[]): void {
  const count = (...kinds: string[]) =>
    trials.filter(({ findings }) => findings.some(({ kind }) => kinds.includes(kind))).length
  meta.figures = {
    trials: trials.length,
    torn: count('torn'),
    falseSuccesses: count('false success', 'false claim'),
    hangs: count('hang'),
    leaks: count('leak'),
    secrets: count('secret'),
  }
  meta.exits = {}
  for (const { exit } of trials) meta.exits[exit] = (meta.exits[exit] ?? 0) + 1
}

/** A figure of its own, in seconds. */
export function addSeconds({ meta }: Task, name: string, ms: number): void {
  meta.figures = { ...meta.figures, [name]: Math.round(ms / 10) / 100 }
}
