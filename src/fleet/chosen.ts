import { Failure } from '../errors.ts'
import type { Run } from '../run/run.ts'
import { askAgain } from './central.ts'
import type { Listed } from './fleet.ts'
import { choose } from './order.ts'
import { listFleet } from './targets.ts'

/**
 * Hands every tenant, or those that --only names, to what `begin` makes, which is made anew when the list is lost half way;
 * answers what that has made of them. Throws USAGE when a word of --only names nobody.
 */
export async function chosenOf<Answer>(run: Run, begin: () => Collecting<Answer>): Promise<Answer> {
  return askAgain(run, async (asking) => {
    const { take, answer } = begin()
    await listChosen(asking, take)
    return answer()
  })
}

/** Takes tenants one by one. */
interface Collecting<Answer> {
  readonly take: (one: Listed) => void
  readonly answer: () => Answer
}

async function listChosen(run: Run, take: (one: Listed) => void): Promise<void> {
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
