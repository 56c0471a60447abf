// Runs two or three runners one message at a time, in an order that a seed decides.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../support/database.ts'
import { type Fate, startProxy } from '../../support/proxy.ts'
import type { Outcome } from '../../support/run.ts'
import { small } from './scenarios/index.ts'
import { scenarioEnv } from './trial.ts'

/** One runner whose messages wait to be let through. */
export interface Gated {
  readonly ended: Promise<Outcome>
  isOver(): boolean
  /** Whether a message waits. */
  isWaiting(): boolean
  /** Lets the message pass that waits. */
  step(): void
  /** Lets all pass from now on. */
  open(): void
  readonly passed: () => number
}

/** Starts a runner behind a gate; it is closed when `use` is over. */
export async function withGated<T>(db: Database, use: (runner: Gated) => Promise<T>): Promise<T> {
  let waiting: (() => void) | undefined
  let isOpen = false
  let passed = 0
  await using proxy = await startProxy(Number(new URL(db.url).port), async (): Promise<Fate> => {
    if (!isOpen) await new Promise<void>((resolve) => (waiting = resolve))
    passed += 1
    return 'forward'
  })
  const ended = db.up([], { ...scenarioEnv(small), UPFRONT_DATABASE_URL: db.urlOf(proxy), UPFRONT_DEADLINE: '60s' })
  let over = false
  void ended.then(() => (over = true))
  const step = () => {
    const go = waiting
    waiting = undefined
    go?.()
  }
  const open = () => {
    isOpen = true
    step()
  }
  try {
    return await use({
      ended,
      isOver: () => over,
      isWaiting: () => waiting !== undefined,
      step,
      open,
      passed: () => passed,
    })
  } finally {
    open()
    await ended
  }
}

/** Waits until a runner has come to its next message, has ended, or is busy with itself for longer than that. */
export async function untilStill(runner: Gated, limitMs = 60): Promise<void> {
  const limit = performance.now() + limitMs
  while (!runner.isOver() && !runner.isWaiting() && performance.now() < limit) await sleep(1)
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
