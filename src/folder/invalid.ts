import { Failure, type Problem } from '../errors.ts'
import type { Identity } from '../migration.ts'

/** INVALID with all that was found, each with its place. */
export function invalid(dir: string, problems: readonly Problem[], next?: string): Failure {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  const facts = next === undefined ? { problems } : { problems, next }
  return new Failure('INVALID', `${count} in ${dir}; the database was not touched`, facts)
}

/** Throws INVALID for code that cannot run here, every one of it. */
export function refuseUnrunnable(dir: string, which: readonly Identity[]): void {
  const problems = which.flatMap(({ name, cannotRun }) => (cannotRun ? { ...cannotRun, name } : []))
  if (problems.length > 0) throw invalid(dir, problems)
}
