import { createHash } from 'node:crypto'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import { pause } from '../../postgres/pause.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'

/** The advisory lock that keeps new holders waiting while somebody contracts. */
export function doorKey(schema: string): bigint {
  return createHash('sha256').update(`upfront contract:${schema}`).digest().readBigInt64BE(0)
}

/**
 * Shuts the door until `openDoor` or the end of the session. Whoever has taken a lease before is seen by the evidence that is
 * read after this; whoever takes one later waits, and then sees what was applied.
 */
export async function shutDoor(session: Session, schema: string, signal: AbortSignal): Promise<void> {
  // Polls, because tenants of one database share the door, and who waits inside a statement holds up CREATE INDEX CONCURRENTLY.
  for (;;) {
    const sql = `select pg_catalog.pg_try_advisory_lock(${doorKey(schema)}) as shut`
    const [row] = await session.query<{ shut: boolean }>(sql)
    if (row!.shut) return
    await pause(betweenLooksMs * (0.5 + Math.random()), signal)
  }
}

/** Opens it, also when the session has not shut it. */
export async function openDoor(session: Session, schema: string): Promise<void> {
  await session.query(`select pg_catalog.pg_advisory_unlock(${doorKey(schema)})
    where exists (select from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid()
      and (classid::bigint << 32 | objid::bigint) = ${doorKey(schema)} and objsubid = 1)`)
}

const betweenLooksMs = 250

/**
 * Resolves when the door is open; leaves nothing on the session. `knock` is called at every look that finds it shut: a lease
 * that had run out behind it would not be seen by who shuts it next.
 */
export async function passDoor({ config, signal }: Run, session: Session, knock: () => Promise<void>): Promise<void> {
  const { lockTimeoutMs, leaseSchema } = config
  const asker = withLocalSettings(session, { lockTimeoutMs, role: undefined })
  const ask = `select pg_catalog.pg_try_advisory_xact_lock_shared(${doorKey(leaseSchema)}) as open`
  for (;;) {
    const [row] = await asker.query<{ open: boolean }>(ask)
    if (row!.open) return
    await knock()
    await pause(betweenLooksMs * (0.5 + Math.random()), signal)
  }
}
