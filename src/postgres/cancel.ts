import type { Session } from './session.ts'

const hangUpAfterMs = 3_000

/**
 * Cancels the statement in flight when the signal is aborted, and hangs up when even that is not answered in time;
 * returns what ends the watch.
 */
export function cancelOnAbort(session: Session, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined
  const onAbort = () => {
    timer = setTimeout(() => session.close('our cancel request was not answered'), hangUpAfterMs)
    session.cancel().catch(() => {})
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return () => {
    signal.removeEventListener('abort', onAbort)
    clearTimeout(timer)
  }
}
