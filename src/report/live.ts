import type { Event } from '../events.ts'
import type { Output } from '../io.ts'

type Progress = Extract<Event, { type: 'progress' }>

/** Whether an event of progress is news to a log, which hears of one statement every ten seconds; others always are. */
export type IsNews = (event: Event) => boolean

const everyMs = 10_000
const clearLine = '\r\x1b[K'

export function makeIsNews(): IsNews {
  let last: Progress | undefined
  return (event) => {
    if (event.type !== 'progress') return true
    const sinceMs = last?.name === event.name ? event.elapsedMs - last.elapsedMs : Infinity
    // Less than nothing when the same migration is tried again.
    if (sinceMs >= 0 && sinceMs < everyMs) return false
    last = event
    return true
  }
}

/** A terminal whose last line may be one that updates. */
export interface Terminal {
  /** Writes whole lines, in the place of the one that updates. */
  lines(text: string): void
  /** Writes the line that updates, as wide as the terminal at most. */
  live(text: string): void
}

/** What writes to a terminal, where text without an end of line is only for now. */
export function openTerminal(stderr: Output): Terminal {
  let isLive = false
  return {
    lines(text) {
      stderr.write(`${isLive ? clearLine : ''}${text}`)
      isLive = false
    },
    live(text) {
      // A line that wraps could not be written over.
      const line = [...text.split('\n')[0]!].slice(0, (stderr.columns || 80) - 1).join('')
      stderr.write(`${clearLine}${line}`)
      isLive = true
    },
  }
}
