import type { Place, Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

/** Bytes that are not the UTF-8 that Postgres is told to expect: a wrong one would become another character. */
export function refuseEncoding(what: string, place: Place): Problem {
  return finding('encoding', what, place, 'Save the file as UTF-8.')
}
