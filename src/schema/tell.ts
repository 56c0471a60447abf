import type { SchemaObject } from './description.ts'
import type { Changed, Difference } from './difference.ts'

/** A difference as lines for people, one for each thing; of what is not as it should be both sides. */
export function tellDifference({ missing, different, unexpected }: Difference): string[] {
  return [
    ...missing.map((one) => `missing ${say(one)}`),
    ...different.map(
      ({ expected, found }) => `${call(expected)}: expected ${sideOf(expected)}, found ${sideOf(found)}`,
    ),
    ...unexpected.map((one) => `unexpected ${say(one)}`),
  ]
}

/** How many things differ, in words: `24 missing, 1 different`. */
export function countDifference({ missing, different, unexpected }: Difference): string {
  const parts = { missing, different, unexpected }
  return Object.entries(parts)
    .flatMap(([word, { length }]) => (length > 0 ? `${length} ${word}` : []))
    .join(', ')
}

/** What a thing is called in a sentence. */
export function call({ kind, name }: SchemaObject): string {
  return `${kind} ${name}`
}

function say(one: SchemaObject): string {
  return one.is === '' ? call(one) : `${call(one)}: ${one.is}`
}

function sideOf({ is }: SchemaObject): string {
  return is === '' ? 'no more than its name' : is
}

/** Whether the sides say the same but for an instant: one file makes both of it where TimeZone is not the same. */
export function differsInInstants({ expected, found }: Changed): boolean {
  const instants = /'\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d){0,2}( BC)?'/g
  return expected.is !== found.is && expected.is.replace(instants, '') === found.is.replace(instants, '')
}
