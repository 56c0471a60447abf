import type { Run } from '../run/run.ts'
import { version } from '../version.ts'

/** Answers with the version alone, for scripts. */
export async function printVersion(run: Run): Promise<number> {
  run.answer(version)
  return 0
}
