import { joinNames } from '../report/failure.ts'
import type { Job } from './job.ts'
import type { Run } from './run.ts'

const told = new WeakSet<Run>()

/** Says once in a run which migrations of the history have no file and are ignored. */
export function warnIgnored({ run }: Pick<Job, 'run'>, names: readonly string[]): void {
  if (names.length === 0 || told.has(run)) return
  told.add(run)
  const what = names.length === 1 ? 'a migration of the history has' : `${names.length} migrations of the history have`
  const message = `${what} no file, ignored as UPFRONT_MISSING says: ${joinNames(names)}`
  run.emit({ type: 'warning', message })
}
