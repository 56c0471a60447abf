import type { MismatchPolicy } from '../history/plan.ts'
import type { Bundle, Format } from '../migration.ts'
import type { Run } from './run.ts'

/** Tools that apply what is pending although a later one was applied; the others refuse it, never run it, or it depends. */
const lateFormats: ReadonlySet<Format> = new Set([
  'dbmate',
  'knex',
  'prisma',
  'prisma-8',
  'sql-migrate',
  'sqlx',
  'typeorm',
  'umzug',
])

/** What the operator allows, or the tool whose folder it is when nobody has said. */
export function mismatchPolicy(
  { outOfOrder, missing }: Run['config'],
  { format, appliesLate = lateFormats.has(format) }: Bundle,
): MismatchPolicy {
  const isForeign = format !== 'plain'
  return {
    outOfOrder: outOfOrder === 'auto' ? (appliesLate ? 'apply' : 'error') : outOfOrder,
    missing,
    isForeign,
  }
}
