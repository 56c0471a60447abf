import { pause } from '../../../postgres/pause.ts'
import type { Session } from '../../../postgres/session.ts'
import { type SeenLock, lockedBy } from './measure.ts'

const betweenMs = { waitingForIt: 2, afterwards: 20 }

/** How many tables it asks for: each takes a place in the lock table of the server. */
const mostTables = 500

/** Two more sessions of the database. */
export interface Witness {
  /** Looks, and holds partitions. */
  readonly looks: Session
  /** Holds a snapshot, and all other tables. */
  readonly holds: Session
}

/**
 * Runs something while a witness watches which locks the server process `pid` has, or waits for. The witness first holds
 * ACCESS SHARE on all tables, so that what would be over at once has to wait until it was seen: for the one session, then
 * for the other.
 */
export async function withWitness(
  witness: Witness,
  pid: number,
  run: () => Promise<void>,
): Promise<readonly SeenLock[]> {
  const { looks, holds } = witness
  const seen = new Map<number, Set<string>>()
  const holding = new Set([holds, looks])
  const release = async (session: Session) => {
    if (holding.delete(session)) await session.query('rollback')
  }
  let running = true
  let lost: { readonly error: unknown } | undefined
  await hold(witness)
  const watching = (async () => {
    while (running) {
      const { locks, blockers } = await look(looks, pid)
      for (const { oid, modes } of locks) {
        const all = seen.get(oid) ?? new Set()
        seen.set(oid, all)
        for (const mode of modes) all.add(mode)
      }
      for (const session of [holds, looks]) if (blockers.includes(session.backendPid)) await release(session)
      await pause(holding.size > 0 ? betweenMs.waitingForIt : betweenMs.afterwards, never)
    }
  })().catch(async (error: unknown) => {
    lost = { error }
    // Nobody sees any more whom it waits for.
    await Promise.allSettled([release(holds), release(looks)])
  })
  try {
    await run()
  } finally {
    running = false
    await watching
    await Promise.all([release(holds), release(looks)])
  }
  if (lost) throw lost.error
  return [...seen].map(([oid, modes]) => ({ oid, modes: [...modes] }))
}

const never = new AbortController().signal

async function hold({ looks, holds }: Witness): Promise<void> {
  await looks.query('begin')
  await holds.query('begin isolation level repeatable read')
  const rows = await holds.query<{ name: string; leaf: boolean }>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, c.relispartition and c.relkind = 'r' as leaf
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relpersistence <> 't' and c.oid >= 16384 and n.nspname <> 'pg_toast'`,
  )
  if (rows.length > mostTables) return
  for (const session of [holds, looks]) {
    const names = rows.filter(({ leaf }) => leaf === (session === looks)).map(({ name }) => `only ${name}`)
    if (names.length > 0) await session.query(`lock table ${names.join(', ')} in access share mode`)
  }
}

/** What the process has locked or waits for, and for whom it waits. */
async function look(session: Session, pid: number): Promise<{ locks: SeenLock[]; blockers: readonly number[] }> {
  const [row] = await session.query<{ locks: [number | string, string[]][] | null; blockers: number[] }>(
    `select (select pg_catalog.json_agg(pg_catalog.json_build_array(l.oid, l.modes)) from (${lockedBy(String(pid))}) l) as locks,
       pg_catalog.pg_blocking_pids(${pid}) as blockers`,
  )
  return { locks: (row!.locks ?? []).map(([oid, modes]) => ({ oid: Number(oid), modes })), blockers: row!.blockers }
}
