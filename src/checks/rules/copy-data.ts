import type { Place, Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

/** Data in a text that is sent as it is, so that they cannot be sent separately. */
export function refuseCopy(where: 'down' | 'outside', place: Place): Problem {
  const what =
    where === 'down'
      ? 'COPY ... FROM stdin in a down: what takes a migration back is kept as SQL alone'
      : 'COPY ... FROM stdin in a file that runs outside a transaction'
  const next = where === 'down' ? 'Write INSERTs.' : 'Put it into a file of its own, which runs in one.'
  return finding('copy-data', what, place, next)
}

/** Something between the semicolon and the end of its line, where psql would not look for data. */
export function refuseBesideCopy(place: Place): Problem {
  return finding('copy-data', 'the data of a COPY begin in the next line', place, 'Put this after the line "\\.".')
}
