import type { Place, Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

/** One statement is in memory whole, here and several times over on the server. */
export function refuseSize(place: Place, limitBytes: number): Problem {
  const what = `this statement has more than ${limitBytes >> 20} MiB`
  const next = 'Split it into several, or load the rows with COPY ... FROM stdin or a CSV seed.'
  return finding('statement-size', what, place, next)
}
