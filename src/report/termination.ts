import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs'
import type { Event } from '../events.ts'
import { nameReason, summarize } from './failure.ts'
import { namePlace } from './place.ts'
import { printable, printableLines } from './printable.ts'
import type { Redact } from './redact.ts'
import { describeEvent } from './text.ts'

/** Where Kubernetes looks unless the Pod says otherwise. */
export const defaultTerminationLog = '/dev/termination-log'

// Kubernetes divides 12 KiB among all containers of a Pod, so that not everybody can have its 4096 bytes.
const limit = 1024

/** What a run's end says to `kubectl describe pod`, the cause first; undefined for an event that ends nothing. */
export function lastWords(event: Event, redact: Redact): string | undefined {
  switch (event.type) {
    case 'done':
    case 'up_to_date':
    case 'ahead':
    case 'repaired':
      return describeEvent(event, redact)
        .map(({ verb, text }) => `${verb}: ${text}`)
        .join('\n')
    case 'fleet':
      return `${event.command}: ${event.done} done, ${event.nothing} with nothing to do, ${event.failed} failed, ${event.notTried} not tried`
    case 'failed':
      return describeCause(event, redact)
    default:
      return undefined
  }
}

/** Writes the last words into a file that exists; neither creates one nor fails. */
export function writeLastWords(path: string, words: string): void {
  try {
    // O_NONBLOCK: opening a pipe that nobody reads would wait for ever.
    const file = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    try {
      ftruncateSync(file)
      writeSync(file, cut(words))
    } finally {
      closeSync(file)
    }
  } catch {
    // Outside Kubernetes there is no such file; the log has said everything already.
  }
}

function describeCause(event: Extract<Event, { type: 'failed' }>, redact: Redact): string {
  const { place, next, hint, detail, problems = [], list = [] } = event.failure.facts
  const labelled = (label: string, text: string | undefined) =>
    text === undefined ? [] : [`${label}${printable(redact(text))}`]
  const where = place === undefined ? undefined : namePlace(place, redact)
  const reason = nameReason(event)
  const cause = reason === undefined ? where : [where, printable(redact(reason))].filter(Boolean).join(': ')
  return [
    summarize(event, redact),
    ...(cause === undefined ? [] : [cause]),
    // Each command is a line of its own, to be copied.
    ...(next === undefined ? [] : [`next: ${printableLines(redact(next)).join('\n')}`]),
    ...labelled('hint: ', hint),
    ...labelled('detail: ', detail),
    ...problems.flatMap(({ what, place: at }) =>
      labelled(at === undefined ? '- ' : `${namePlace(at, redact)}: `, what.split('\n')[0]),
    ),
    ...list.flatMap((item) => labelled('- ', item)),
  ].join('\n')
}

/** At most the limit in bytes of UTF-8, cut between two characters. */
function cut(words: string): Buffer {
  const bytes = Buffer.from(`${words}\n`)
  if (bytes.length <= limit) return bytes
  let end = limit - 4
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return Buffer.concat([bytes.subarray(0, end), Buffer.from('...\n')])
}
