/** Something was thrown where nobody waits for it: a floating promise, a timer, a socket without a listener. */
export type OnUncaught = (error: unknown) => void

/**
 * Calls code that is not ours so that `onUncaught` gets whatever it throws behind our back, also later, in place of the
 * process, which would end of it: a domain, because nothing else tells such code's errors from those of a host whose
 * process this is. A host that captures every exception itself gets these as well.
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
