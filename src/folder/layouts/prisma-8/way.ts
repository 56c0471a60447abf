import { join } from 'node:path'
import type { Problem } from '../../../errors.ts'
import { type Package, empty, stateOf } from './package.ts'

/**
 * The steps of one space in the order in which they lead from an empty database to the last contract. Only where there
 * is one way: prisma chooses among several by the contract that the application has, which is not in the folder.
 */
export function wayThrough(packages: readonly Package[], shown: string): readonly Package[] | Problem {
  const still = packages.find(({ from, to }) => from === to)
  if (still) return standingStill(still, shown)
  const taken: Package[] = []
  const passed = new Set([empty])
  for (let state = empty; ;) {
    const [step, ...others] = packages.filter(({ from }) => from === state)
    if (!step) break
    if (others.length > 0) return fork(state, [step, ...others], shown)
    if (passed.has(step.to)) return backAgain(step, shown)
    passed.add(step.to)
    taken.push(step)
    state = step.to
  }
  const lost = packages.find((one) => !taken.includes(one))
  return lost ? unreached(lost, taken, shown) : taken
}

const letPrisma = 'Let prisma apply this folder (prisma db migrate), or keep one way in it.'

function fork(state: string, steps: readonly Package[], shown: string): Problem {
  const names = steps.map(({ name }) => join(shown, name))
  const from = state === empty ? 'an empty database' : `the contract ${stateOf(state)}`
  return { what: `${steps.length} migrations lead on from ${from}: ${names.join(', ')}`, next: letPrisma }
}

function backAgain({ name, to }: Package, shown: string): Problem {
  return { what: `${join(shown, name)} leads back to the contract ${stateOf(to)}`, next: letPrisma }
}

function standingStill({ name, to }: Package, shown: string): Problem {
  const what = `${join(shown, name)} begins and ends at the contract ${stateOf(to)}`
  return { what, next: 'Prisma runs such a migration only for a ref that asks for it: let prisma apply it.' }
}

function unreached({ name, from }: Package, taken: readonly Package[], shown: string): Problem {
  const last = taken.at(-1)
  const end = last
    ? `the way ends at ${stateOf(last.to)}, with ${join(shown, last.name)}`
    : 'none begins at an empty database'
  const what = `${join(shown, name)} begins at the contract ${stateOf(from)}, to which no migration leads; ${end}`
  return { what, next: 'Restore what is missing from version control.' }
}
