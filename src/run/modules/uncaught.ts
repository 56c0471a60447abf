/** Gets what was thrown where nobody waits for it: in a floating promise, a timer, a socket without a listener. */
export type OnUncaught = (error: unknown) => void

/**
 * Calls code that is not ours; what it throws where nobody waits for it, even later, goes to `onUncaught` instead of
 * ending the process. It takes a domain, because nothing else tells such errors from those of a program that has called
 * our API. A program that captures every exception itself gets these as well.
 */
export async function catchUncaught<T>(onUncaught: OnUncaught, call: () => T | Promise<T>): Promise<T> {
  let domain
  try {
    domain = (await import('node:domain')).default.create()
  } catch {
    return call()
  }
  domain.on('error', onUncaught)
  return domain.run(call)
}
