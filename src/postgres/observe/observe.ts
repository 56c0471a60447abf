import type { Session } from '../session.ts'
import { readBlockers } from './blockers.ts'
import { type Observation, type Observer, lookOnce } from './look.ts'
import type { ObserveOptions, Watched } from './observed.ts'
import { readProgress } from './progress.ts'
import { Silent, answeredWithin, pauseAwake } from './silence.ts'

const firstProgressMs = 3_000
const sayEveryMs = 10_000

/**
 * Looks at our own server process from a second connection while that is due: reports how far it is and who blocks it,
 * and hangs up when the server has lost our process, waits for us while we wait for it, or does not answer anybody. A
 * look that learns nothing of our process, as on a full server or another one, ends nothing that may take long.
 */
export async function observe(options: ObserveOptions): Promise<void> {
  const { session, patience, signal } = options
  const observer: Observer = { session: undefined, hasGoneSilent: false }
  let last: { observation: Observation; sameMs: number } | undefined
  try {
    while (options.isDue()) {
      const begun = performance.now()
      const observation = await lookOnce(options, observer)
      if (observation.kind === 'working' || observation.kind === 'waiting') await tell(options, observer)
      const isLong = options.watched() !== undefined && session.silentMs() >= patience.silenceMs
      if (observation.kind === 'blind' && isLong) options.warnBlind(observation.what)
      const tookMs = Math.min(performance.now() - begun, 2 * patience.lookMs)
      const isSame = last?.observation.kind === observation.kind && last.observation.what === observation.what
      last = { observation, sameMs: tookMs + (isSame ? last!.sameMs + patience.betweenLooksMs : 0) }
      const why = conclude(options, observation, last.sameMs)
      if (why !== undefined) return session.close(why)
      await pauseAwake(Math.min(patience.betweenLooksMs, untilProgress(options)), signal)
    }
  } finally {
    observer.session?.close()
  }
}

/** How long until progress is reported; the first look, before lock_timeout, comes too early for it. */
function untilProgress({ watched }: ObserveOptions): number {
  const leftMs = firstProgressMs - (performance.now() - (watched()?.begun ?? -Infinity))
  return leftMs > 0 ? leftMs : Infinity
}

/** Why to hang up, undefined while there is no reason to. */
function conclude(options: ObserveOptions, observation: Observation, sameMs: number): string | Silent | undefined {
  const { session, patience, blindMs, watched } = options
  const isWatched = watched() !== undefined
  if (observation.kind === 'gone') return sameMs >= patience.betweenLooksMs ? observation.what : undefined
  const silentMs = session.silentMs()
  if (silentMs < patience.silenceMs) return undefined
  switch (observation.kind) {
    case 'waiting':
      return sameMs >= patience.sameMs
        ? new Silent('the server waits for us and we for it: something was lost on the way', silentMs)
        : undefined
    case 'silent':
      return sameMs >= (isWatched ? patience.silenceMs - patience.lookMs : patience.sameMs)
        ? new Silent('the server does not answer any more', silentMs)
        : undefined
    case 'blind':
      return !isWatched && silentMs >= blindMs
        ? new Silent(`the server has not answered for ${Math.round(silentMs / 1000)} s`, silentMs)
        : undefined
    default:
      return undefined
  }
}

/** Reports who blocks what runs long, or how far it is; what fails now is left to the next look. */
async function tell(options: ObserveOptions, observer: Observer): Promise<void> {
  const watched = options.watched()
  const pid = options.backend()?.pid
  if (!watched || pid === undefined || observer.session === undefined) return
  const connection = observer.session
  try {
    await answeredWithin(options.patience.lookMs, options.signal, () => report(options, watched, connection, pid))
  } catch {
    connection.close()
    observer.session = undefined
  }
}

async function report({ emit }: ObserveOptions, seen: Watched, connection: Session, pid: number): Promise<void> {
  const blockers = await readBlockers(connection, pid)
  const now = performance.now()
  const elapsedMs = now - seen.begun
  const said = blockers.map((blocker) => blocker.pid).join()
  const isNews = said !== seen.said || now - seen.saidAt >= sayEveryMs
  seen.blockers = blockers
  if (blockers.length === 0) {
    seen.said = ''
    if (elapsedMs < firstProgressMs) return
    return emit({ type: 'progress', name: seen.name(), elapsedMs, ...(await readProgress(connection, pid)) })
  }
  if (!isNews) return
  Object.assign(seen, { said, saidAt: now })
  emit({ type: 'blocked', name: seen.name(), blockers, elapsedMs })
}
