import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Patience } from '../../io.ts'
import { pause } from '../pause.ts'

/** A silence that begins now is over in less than half a minute, so that a wait of a minute after it ends within 90 s. */
export const patience: Patience = { silenceMs: 20_000, sameMs: 6_000, lookMs: 4_000, betweenLooksMs: 2_000 }

/** Ends a session that has not answered: a lost connection, with the length of the silence. */
export class Silent extends Error {
  /** How long nothing had been heard. */
  readonly forMs: number

  constructor(reason: string, forMs: number) {
    super(`Connection terminated: ${reason}`)
    this.name = 'Silent'
    this.forMs = forMs
  }
}

/** Why a look was given up: nothing came in time, or something did, but not all of it. */
export class NoAnswer extends Error {
  readonly heard: boolean

  constructor(heard: boolean) {
    super('no answer')
    this.name = 'NoAnswer'
    this.heard = heard
  }
}

const beatMs = 250
const wordMs = 50

/**
 * Measures how long nothing has moved on a connection, in either direction, while an answer was awaited. Counts only
 * time in which this process could have heard: not that of a module that computes without yielding, nor of a container
 * that was paused.
 */
export function measureSilence(socket: Duplex, isAwaiting: () => boolean): () => number {
  let silentMs = 0
  let last = performance.now()
  let sent = sentBytes(socket)
  const beat = () => {
    const now = performance.now()
    const sentNow = sentBytes(socket)
    silentMs = isAwaiting() && sentNow === sent ? silentMs + Math.min(now - last, 2 * beatMs) : 0
    last = now
    sent = sentNow
  }
  const timer = setInterval(beat, beatMs).unref()
  socket.on('data', () => (silentMs = 0))
  socket.once('close', () => {
    clearInterval(timer)
    silentMs = 0
  })
  return () => silentMs
}

/** What the kernel has taken of what was written: it moves while a long message is on its way. */
function sentBytes(socket: Duplex): number {
  return (socket as Socket).bytesWritten - socket.writableLength
}

/** Sleeps until answers could be heard for that long: time in which the process stood still does not count. */
export async function pauseAwake(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0;) {
    const begun = performance.now()
    await pause(Math.min(left, beatMs), signal)
    left -= Math.min(performance.now() - begun, 2 * beatMs)
  }
}

/** Settles as what `ask` answers, or rejects with NoAnswer when that takes longer; the signal it gets is aborted then. */
export async function answeredWithin<T>(
  ms: number,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const late = new AbortController()
  const timer = pauseAwake(ms, AbortSignal.any([signal, over.signal])).then(async () => {
    late.abort(new NoAnswer(false))
    // `ask` may reject with more precise words, which win.
    await pause(wordMs, signal)
    throw late.signal.reason
  })
  timer.catch(() => {})
  const answer = ask(AbortSignal.any([signal, late.signal]))
  answer.catch(() => {})
  try {
    return await Promise.race([answer, timer])
  } finally {
    over.abort(new Error('over'))
  }
}

/** The silence that a failure comes from, undefined when it comes from something else. */
export function silenceBehind(error: unknown): Silent | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Silent) return at
  return undefined
}
