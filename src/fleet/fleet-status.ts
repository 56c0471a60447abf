import type { Run } from '../run/run.ts'
import { atLedger } from './central.ts'
import { chosenOf } from './chosen.ts'
import type { Listed } from './fleet.ts'
import { wantedOf } from './run-fleet.ts'
import { type Standing, readStandings } from './standing.ts'
import { without } from './summary.ts'

/** A tenant that is not as this image wants it. */
export interface Behind {
  readonly name: string
  readonly group: string | null
  /** `new` is one that the ledger has never seen at this place. */
  readonly state: 'failed' | 'running' | 'behind' | 'new'
  readonly code: string | null
  readonly error: string | null
  /** The error without what stands for this tenant alone. */
  readonly alike: string | null
  readonly migration: string | null
  readonly attempt: number
  readonly since: string | null
  readonly host: string | null
}

/** All of the fleet, or of --only, by the ledger alone: how many there are, and those that are not done. */
export async function readFleetStatus(run: Run) {
  const { wanted } = await wantedOf(run)
  const standings = await readStandings(atLedger(run), wanted)
  return chosenOf(run, () => {
    const behind: Behind[] = []
    let count = 0
    const take = (one: Listed) => {
      count += 1
      const standing = standings.get(one.name)
      if (standing !== one.place) behind.push(behindAs(one, standing))
    }
    return { take, answer: () => ({ bundle: wanted.bundle, count, behind }) }
  })
}

function behindAs({ name, group, place }: Listed, standing: string | Standing | undefined): Behind {
  if (standing === undefined || typeof standing === 'string' || standing.place !== place)
    return { ...unknown, name, group }
  const { state, code, error, failed, attempt, started, host } = standing
  const alike = error && without(error, [name, ...(name.includes('/') ? name.split('/') : [])])
  return { name, group, state, code, error, alike, migration: failed, attempt, since: started, host }
}

const unknown = { state: 'new', code: null, error: null, alike: null, migration: null, attempt: 0, since: null, host: null } as const // prettier-ignore
