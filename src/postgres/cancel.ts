import { ScriptError } from './script.ts'
import type { Session } from './session.ts'

const hangUpAfterMs = 3_000

/**
 * Cancels the statement in flight when the signal is aborted, and hangs up when even that is not answered in time;
 * returns a function that stops this.
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

/**
 * Asks again when the query was cancelled because the run has to stop: a cancel request ends whatever is running, but
 * what a statement has done, and nothing rolls back, must still be recorded and reported.
 */
export async function retryIfCancelled<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const { code } = (error instanceof ScriptError ? error.error : error) as { code?: string }
    if (!signal.aborted || code !== '57014') throw error
    return ask()
  }
}
