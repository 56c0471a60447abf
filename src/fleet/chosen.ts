import { Failure } from '../errors.ts'
import type { Run } from '../run/run.ts'
import type { Listed } from './fleet.ts'
import { choose } from './order.ts'
import { listFleet } from './targets.ts'

/** Hands over every tenant, or those that --only names; throws USAGE when a word of it names nobody. */
export async function chosenOf(run: Run, take: (one: Listed) => void): Promise<void> {
  const { only } = run.flags
  if (typeof only !== 'string') return listFleet(run, take)
  const choice = choose(only)
  await listFleet(run, (one) => {
    if (choice.has(one)) take(one)
  })
  if (choice.unknown.size === 0) return
  throw new Failure('USAGE', `the fleet has no tenant and no group called ${[...choice.unknown].join(', ')}`, {
    next: 'Write the names as the fleet has them (--only name,name).',
  })
}
