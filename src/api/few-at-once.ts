/** Lets so many run at a time; the others wait for their turn, in order. */
export function fewAtOnce(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
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
