import { Failure } from '../../errors.ts'
import { readHistory } from '../../history/rows.ts'
import { noteVerified } from '../../history/runs.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import { isSame } from '../../schema/difference.ts'
import { countDifference, tellDifference } from '../../schema/tell.ts'
import { openSchemaOf } from '../folders.ts'
import type { Job } from '../job.ts'
import type { Run } from '../run.ts'
import { expectedOf } from './expected.ts'
import { holdAgainst, refuseDifference } from './held-against.ts'

/**
 * Holds what is there now against the schema of the bundle, as UPFRONT_VERIFY says, and notes in the run's row how it
 * was; does nothing for a bundle that has no schema. Throws DRIFT or DENIED with `fail`.
 */
export async function verifyApplied(job: Job, session: Session, tables: HistoryTables): Promise<void> {
  const { run, bundle, progress } = job
  const { verify } = run.config
  const story = verify === 'off' ? null : await openSchemaOf(run)
  if (story === null) return
  const begun = performance.now()
  const history = (await readHistory(session, tables)) ?? []
  const sayWhy = (error: unknown) => {
    // What is applied out of order is right without being a step of the bundle, and a lock is nobody's mistake.
    if (verify === 'fail' || !(error instanceof Failure)) throw error
    run.emit({ type: 'warning', message: `not verified: ${error.message}` })
  }
  const expected = await expectedOf(story, bundle, history).catch(sayWhy)
  const found = expected && (await holdAgainst({ run, session, bundle }, expected.schema).catch(sayWhy))
  if (!expected || !found) return
  const isRight = isSame(found) && found.unseen.length === 0
  const verdict = isRight ? 'same' : isSame(found) ? 'not all seen' : countDifference(found)
  if (progress.runId !== null) await noteVerified(session, tables, progress.runId, verdict)
  if (verify === 'fail') refuseDifference(found, 'that the migrations make')
  if (!isSame(found)) run.emit({ type: 'drift', differences: tellDifference(found) })
  for (const note of [...found.notCompared, ...found.unseen])
    run.emit({ type: 'warning', message: `not compared: ${note}` })
  if (isRight) run.emit({ type: 'verified', objects: found.compared, elapsedMs: performance.now() - begun })
}

/** Throws USAGE when a verification was asked for that a bundle without a schema cannot have: before anything is applied. */
export async function requireSchema(run: Run): Promise<void> {
  if (run.config.verify !== 'fail' || (await openSchemaOf(run)) !== null) return
  throw new Failure('USAGE', 'UPFRONT_VERIFY=fail, but these migrations come without their schema', {
    next: 'Compile them with upfront compile --schema --out <dir>, or leave UPFRONT_VERIFY at warn.',
  })
}
