import { isConnectionLost } from './classify.ts'
import { pause } from './pause.ts'
import type { Session } from './session.ts'

/** Listens for the release of the lock by its holder. */
export interface ReleaseListener {
  /** Resolves at the release, or after so many milliseconds; rejects with the signal's reason when that is aborted. */
  orAfter(ms: number, signal: AbortSignal): Promise<void>
  /** Stops listening, so that the session is as it was for what runs on it next. */
  stop(): Promise<void>
}

/**
 * Listens on a session for the release of the lock with this key. Whoever waits polls all the same: a pooler may keep
 * notifications to itself, and a holder that dies says nothing.
 */
export async function listenForRelease(session: Session, key: bigint): Promise<ReleaseListener> {
  let heard = new AbortController()
  const onNotification = () => heard.abort()
  session.client.on('notification', onNotification)
  const isListening = await session.query(`listen ${channel(key)}`).then(
    () => true,
    () => false,
  )
  return {
    async orAfter(ms, signal) {
      await pause(ms, AbortSignal.any([signal, heard.signal])).catch(() => signal.throwIfAborted())
      heard = new AbortController()
    },
    async stop() {
      session.client.off('notification', onNotification)
      if (isListening) await session.query(`unlisten ${channel(key)}`)
    },
  }
}

/**
 * Tells those who wait. That the server refuses it (a standby by now, a full queue) is no failure of the run; rejects when
 * the connection is lost or the statement was cancelled.
 */
export async function notifyReleased(session: Session, key: bigint): Promise<void> {
  await session.query(`notify ${channel(key)}`).catch((error: unknown) => {
    const { severity, code } = error as { severity?: string; code?: string }
    if (severity === undefined || code === cancelled || isConnectionLost(error)) throw error
  })
}

const cancelled = '57014'

function channel(key: bigint): string {
  return `"upfront ${key}"`
}
