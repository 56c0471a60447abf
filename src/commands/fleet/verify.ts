import { Failure } from '../../errors.ts'
import { askFleet } from '../../fleet/ask-fleet.ts'
import { listLeft } from '../../fleet/run-fleet.ts'
import { groupsAsData, tellGroups } from '../../fleet/summary.ts'
import type { Run } from '../../run/run.ts'
import { storyOf } from '../../run/shadow/story-of.ts'
import { verifyAgainst } from '../verify.ts'

/** Holds the schema of every tenant against what the migrations make; only reads. Throws SOME_FAILED when some differ. */
export async function fleetVerify(run: Run): Promise<number> {
  const { left: all } = await listLeft(run, new Map())
  // One for all, because without a schema in the bundle it takes a scratch database to find out.
  const story = await storyOf(run)
  const command = (one: Run) => verifyAgainst(one, story)
  const summary = await askFleet(run, all, { name: 'fleet verify', command, flags: {}, answered: () => {} })
  const counts = `${summary.done} of ${all.length} tenants are as the migrations make them`
  run.answer(
    run.flags['json']
      ? JSON.stringify({ same: summary.done, failed: summary.failed, failures: groupsAsData(summary) }, null, 2)
      : counts,
  )
  if (summary.failed === 0) return 0
  throw new Failure('SOME_FAILED', `only ${counts}`, {
    problems: tellGroups(summary),
    next: 'Look at one of them alone: upfront verify with its database (UPFRONT_DATABASE_URL), or its schema (UPFRONT_TENANT).',
  })
}
