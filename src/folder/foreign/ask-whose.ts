import { allowableRules } from '../../checks/allowable.ts'
import type { Problem } from '../../errors.ts'
import type { Format } from '../../migration.ts'

/** Whose folder it may be, when a finding would be a warning there: a mount or a copy loses the marks beside a folder. */
export function askWhose(format: Format, problems: readonly Problem[]): string | undefined {
  if (format !== 'plain' || !problems.some(({ rule }) => rule !== undefined && allowableRules.includes(rule)))
    return undefined
  return (
    'If another tool writes this folder, say which, and it runs as it does there: UPFRONT_FORMAT=supabase, or sqlx ' +
    '(docs/coming-from/README.md).'
  )
}
