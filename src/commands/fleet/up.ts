import { Failure } from '../../errors.ts'
import { type Ended, runFleet } from '../../fleet/run-fleet.ts'
import { type Summary, groupsAsData, tellCounts, tellGroups } from '../../fleet/summary.ts'
import type { Run } from '../../run/run.ts'
import { up } from '../up.ts'

/** Applies the bundle to every tenant that is not done; throws SOME_FAILED when some failed. */
export async function fleetUp(run: Run): Promise<number> {
  const { summary, early } = await runFleet(run, up)
  run.answer(run.flags['json'] ? asJson(summary) : tellCounts(summary))
  if (early !== undefined) throw endedEarly(summary, early)
  if (summary.failed === 0) return 0
  const who = summary.failed === 1 ? 'a tenant' : `${summary.failed} tenants`
  throw new Failure('SOME_FAILED', `${who} failed: ${tellCounts(summary)}${whyNotTried(run, summary)}`, {
    problems: tellGroups(summary),
    next:
      'Mend what failed and run it again: only what is not done is touched. upfront fleet status tells who is not. ' +
      'A command for one of them alone: with its database (UPFRONT_DATABASE_URL), or its schema (UPFRONT_TENANT).',
  })
}

/** The flags by which the rest were spared. */
function whyNotTried({ flags }: Run, { notTried }: Summary): string {
  if (notTried === 0) return ''
  const given = ['canary', 'max-failed'].filter((flag) => flags[flag] !== undefined)
  return `, because of ${given.map((flag) => `--${flag} ${String(flags[flag])}`).join(' or ')}`
}

/** What ended the run, with what had been done until then. */
function endedEarly(summary: Summary, { error }: NonNullable<Ended['early']>): unknown {
  if (!(error instanceof Failure)) return error
  const facts = { ...error.facts, problems: tellGroups(summary) }
  return new Failure(error.code, `${error.message}: ${tellCounts(summary)}`, facts, error)
}

function asJson(summary: Summary): string {
  const { done, nothing, failed, notTried } = summary
  const counts = { done, nothing_to_do: nothing, failed, not_tried: notTried }
  return JSON.stringify({ ...counts, failures: groupsAsData(summary) }, null, 2)
}
