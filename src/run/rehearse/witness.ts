import { pause } from '../../postgres/pause.ts'
import type { Session } from '../../postgres/session.ts'
import { type SeenLock, lockedBy } from './measure.ts'

const betweenMs = { waitingForIt: 2, afterwards: 20 }

/** How many tables it asks for: each takes a place in the lock table of the server. */
const mostTables = 500

/**
 * Runs something while another session watches which locks the server process `pid` has, or waits for. The witness first
 * holds a snapshot and ACCESS SHARE on all tables, so that what would be over at once has to wait until it was seen.
 */
export async function withWitness(
  witness: Session,
  pid: number,
  run: () => Promise<void>,
): Promise<readonly SeenLock[]> {
  const seen = new Map<number, Set<string>>()
  let holding = true
  let running = true
  await hold(witness)
  const watching = (async () => {
    while (running) {
      const { locks, held } = await look(witness, pid)
      for (const { oid, modes } of locks) {
        const all = seen.get(oid) ?? new Set()
        seen.set(oid, all)
        for (const mode of modes) all.add(mode)
      }
      if (held && holding) {
        holding = false
        await witness.query('rollback')
      }
      await pause(holding ? betweenMs.waitingForIt : betweenMs.afterwards, never)
    }
  })()
  try {
    await run()
  } finally {
    running = false
    await watching.finally(() => (holding ? witness.query('rollback') : undefined))
  }
  return [...seen].map(([oid, modes]) => ({ oid, modes: [...modes] }))
}

const never = new AbortController().signal

async function hold(witness: Session): Promise<void> {
  await witness.query('begin isolation level repeatable read')
  const rows = await witness.query<{ name: string }>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relpersistence <> 't' and c.oid >= 16384 and n.nspname <> 'pg_toast'`,
  )
  if (rows.length === 0 || rows.length > mostTables) return
  await witness.query(`lock table ${rows.map(({ name }) => `only ${name}`).join(', ')} in access share mode`)
}

/** What the process has locked or waits for, and whether it waits for the one that looks. */
async function look(witness: Session, pid: number): Promise<{ locks: SeenLock[]; held: boolean }> {
  const [row] = await witness.query<{ locks: [number | string, string[]][] | null; held: boolean }>(
    `select (select pg_catalog.json_agg(pg_catalog.json_build_array(l.oid, l.modes)) from (${lockedBy(String(pid))}) l) as locks,
       pg_catalog.pg_backend_pid() = any (pg_catalog.pg_blocking_pids(${pid})) as held`,
  )
  return { locks: (row!.locks ?? []).map(([oid, modes]) => ({ oid: Number(oid), modes })), held: row!.held }
}
