/** What a walk decides by; the same seed decides the same. */
export interface Random {
  /** From 0 to below `end`. */
  int(end: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
  /** One key, the more often the higher its number. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key
}

/** The generator mulberry32. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (end: number) => Math.floor(next() * end)
  return {
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(items.length)]!,
    weighted: (weights) => {
      const entries = Object.entries<number>(weights)
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      const found = entries.find(([, weight]) => (left -= weight) < 0) ?? entries.at(-1)!
      return found[0] as keyof typeof weights
    },
  }
}
