/** Chance that a seed repeats. */
export interface Dice {
  /** From 0 to 1, without it. */
  next(): number
  is(likely: number): boolean
  pick<T>(list: readonly T[]): T
}

export function throwDice(seed: number): Dice {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, is: (likely) => next() < likely, pick: (list) => list[Math.floor(next() * list.length)]! }
}
