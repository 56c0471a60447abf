import type { Place, Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

/** Data in a text that is sent as it is, so that they cannot be sent separately. */
export function refuseCopy(where: keyof typeof places, place: Place): Problem {
  const [what, next] = places[where]
  return finding('copy-data', `COPY ... FROM stdin in ${what}`, place, next)
}

const places = {
  down: ['a down: what takes a migration back is kept as SQL alone', 'Write INSERTs.'],
  verify: ['an assertion, which is sent as SQL alone', 'Write INSERTs.'],
  outside: ['a file that runs outside a transaction', 'Put it into a file of its own, which runs in one.'],
} as const

/** Something between the semicolon and the end of its line, where psql would not look for data. */
export function refuseBesideCopy(place: Place): Problem {
  return finding('copy-data', 'the data of a COPY begin in the next line', place, 'Put this after the line "\\.".')
}
