import { version } from '../version.ts'
import type { Run } from '../run/run.ts'

/** Answers with the version alone, for scripts. */
export async function printVersion(run: Run): Promise<number> {
  run.answer(version)
  return 0
}
