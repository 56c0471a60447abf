/** What is asked to be done has to wait for its turn, `first` before all that wait already. */
export type InTurn = <T>(work: () => Promise<T>, when?: 'first' | 'last') => Promise<T>

/** Lets so many run at a time. */
export function fewAtOnce(most: number): InTurn {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work, when = 'last') => {
    if (running < most) running += 1
    else
      await new Promise<void>((resolve) => void (when === 'first' ? waiting.unshift(resolve) : waiting.push(resolve)))
    try {
      return await work()
    } finally {
      // The place goes over to the next one.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
