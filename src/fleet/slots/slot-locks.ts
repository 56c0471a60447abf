import { createHash } from 'node:crypto'
import type { Target } from '../../config/database/target.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../../run/run.ts'
import { holdCentral } from '../central.ts'

/** Places of a server, numbered from 1; whoever takes one has it until it is given back. */
export interface Places {
  /** One that is free now, of those up to `last`; null when there is none, or a shard that has none at all waits for one. */
  take(server: string, last: number): Promise<number | null>
  give(server: string, place: number): Promise<void>
  /** What the session is of, for questions to that server; null without one. */
  readonly session: Session | null
  close(): Promise<void>
}

/** The places that this process has, by server. */
export type Held = Map<string, Set<number>>

/** Places that only this process knows of. */
export function ownPlaces(held: Held): Places {
  return {
    session: null,
    take: async (server, last) => {
      const taken = heldOf(held, server)
      const free = Array.from({ length: last }, (_, i) => i + 1).find((place) => !taken.has(place)) ?? null
      if (free !== null) taken.add(free)
      return free
    },
    give: async (server, place) => void heldOf(held, server).delete(place),
    close: async () => {},
  }
}

/**
 * Places as advisory locks on the central database, so that the shards share them, and those of one that dies are free
 * again; null where no lock holds, because a pooler stands before it.
 */
export async function lockedPlaces(run: Run, central: Target, held: Held): Promise<Places | null> {
  const holder = await holdCentral(run, central)
  if (holder === null) return null
  const { session, close } = holder
  const hungry = new Set<string>()
  const lock = (call: string, server: string, place: number | string) =>
    `pg_catalog.${call}(${keyOf(server)}, ${place})`
  const isAnybodyHungry = async (server: string) => {
    const [row] = await session.query<{ calm: boolean }>(`select ${lock('pg_try_advisory_lock', server, 0)} as calm`)
    if (row!.calm) await session.query(`select ${lock('pg_advisory_unlock', server, 0)}`)
    return !row!.calm
  }
  // What an earlier session had is still used.
  for (const [server, places] of held)
    for (const place of places) await session.query(`select ${lock('pg_try_advisory_lock', server, place)}`)
  return {
    session,
    close,
    take: async (server, last) => {
      const taken = heldOf(held, server)
      if (taken.size > 0 && (await isAnybodyHungry(server))) return null
      // The same session would be given a lock of its own again.
      const [row] = await session.query<{ place: number }>(
        `select place from pg_catalog.generate_series(1, ${last}) as place
         where place <> all (array[${[...taken].join(', ')}]::int[]) and ${lock('pg_try_advisory_lock', server, 'place')} limit 1`,
      )
      const isHungry = row === undefined && taken.size === 0
      if (isHungry !== hungry.has(server)) {
        const call = isHungry ? 'pg_try_advisory_lock_shared' : 'pg_advisory_unlock_shared'
        const [said] = await session.query<{ done: boolean }>(`select ${lock(call, server, 0)} as done`)
        if (isHungry && said!.done) hungry.add(server)
        else hungry.delete(server)
      }
      if (row === undefined) return null
      taken.add(row.place)
      return row.place
    },
    give: async (server, place) => {
      heldOf(held, server).delete(place)
      await session.query(`select ${lock('pg_advisory_unlock', server, place)}`)
    },
  }
}

function heldOf(held: Held, server: string): Set<number> {
  const of = held.get(server) ?? new Set()
  held.set(server, of)
  return of
}

/** The first half of a key with two: the lock of a schema has one, and cannot be the same. */
function keyOf(server: string): number {
  return createHash('sha256').update(`upfront fleet:${server}`).digest().readInt32BE(0)
}
