import { Failure } from '../errors.ts'
import { runFleet } from '../fleet/run-fleet.ts'
import { type Summary, tellCounts, tellGroups } from '../fleet/summary.ts'
import type { Run } from '../run/run.ts'
import { up } from './up.ts'

/** Does for every database of a fleet what the command of that name does for one; throws SOME_FAILED when some failed. */
export async function fleet(run: Run): Promise<number> {
  const [what = 'up'] = run.operands
  if (what !== 'up') {
    throw new Failure('USAGE', `there is no command "fleet ${what}"`, { next: 'upfront fleet up' })
  }
  const summary = await runFleet(withParallel(run), up)
  run.answer(run.flags['json'] ? asJson(summary) : tellCounts(summary))
  if (summary.failed === 0) return 0
  throw new Failure('SOME_FAILED', `${summary.failed} tenants failed: ${tellCounts(summary)}`, {
    list: tellGroups(summary),
    next: 'Mend what failed and run it again: only what is not done is touched.',
  })
}

function withParallel(run: Run): Run {
  const { parallel } = run.flags
  if (typeof parallel !== 'string') return run
  if (!/^[1-9]\d{0,3}$/.test(parallel))
    throw new Failure('USAGE', `--parallel ${parallel} is no number above 0`, { next: 'Write --parallel 8.' })
  return { ...run, config: { ...run.config, fleet: { ...run.config.fleet, parallel: Number(parallel) } } }
}

function asJson(summary: Summary): string {
  const { done, nothing, failed, notTried, groups } = summary
  const told = [...groups.values()].map(({ example, count, names }) => ({
    count,
    code: example.code,
    sqlstate: example.facts.sqlstate ?? null,
    message: example.message,
    reason: example.facts.reason ?? null,
    names,
  }))
  return JSON.stringify({ done, nothing_to_do: nothing, failed, not_tried: notTried, failures: told }, null, 2)
}
