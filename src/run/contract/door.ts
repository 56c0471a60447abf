import { createHash } from 'node:crypto'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import { findHolder } from '../../postgres/lock.ts'
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
export async function shutDoor(session: Session, schema: string, wait: DoorWait): Promise<void> {
  // Polls, because tenants of one database share the door, and who waits inside a statement holds up CREATE INDEX CONCURRENTLY.
  await untilDoor(session, schema, wait, async () => {
    const sql = `select pg_catalog.pg_try_advisory_lock(${doorKey(schema)}) as shut`
    return (await session.query<{ shut: boolean }>(sql))[0]!.shut
  })
}

/** How long somebody waits at the door, and who hears of it. */
export interface DoorWait {
  /** Until then LOCKED is thrown; 0 is without limit. */
  readonly waitMs: number
  /** The setting that says so. */
  readonly setting: string
  readonly emit: Emit
  readonly signal: AbortSignal
}

async function untilDoor(
  session: Session,
  schema: string,
  wait: DoorWait,
  look: () => Promise<boolean>,
): Promise<void> {
  const { waitMs, setting, emit, signal } = wait
  const begun = performance.now()
  let saidAt = firstSaidMs - sayEveryMs
  while (!(await look())) {
    const elapsedMs = performance.now() - begun
    const over = waitMs !== 0 && elapsedMs >= waitMs
    if (over || elapsedMs - saidAt >= sayEveryMs) {
      const holder = await findHolder(session, doorKey(schema))
      if (over)
        throw new Failure('LOCKED', `somebody applies contract migrations, and did for all of ${waitMs / 1000} s`, {
          reason: `held by ${holder}`,
          next: `Let it finish, or raise ${setting}; if that session is dead, end it with pg_terminate_backend(pid).`,
        })
      emit({ type: 'lock_waiting', holder, elapsedMs })
      saidAt = elapsedMs
    }
    const left = waitMs === 0 ? Infinity : waitMs - elapsedMs
    await pause(Math.min(betweenLooksMs * (0.5 + Math.random()), Math.max(left, 0)), signal)
  }
}

/** Opens it, also when the session has not shut it. */
export async function openDoor(session: Session, schema: string): Promise<void> {
  await session.query(`select pg_catalog.pg_advisory_unlock(${doorKey(schema)})
    where exists (select from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid()
      and (classid::bigint << 32 | objid::bigint) = ${doorKey(schema)} and objsubid = 1)`)
}

const betweenLooksMs = 250
const firstSaidMs = 1_000
const sayEveryMs = 30_000

/**
 * Resolves when the door is open; leaves nothing on the session. `knock` is called at every look that finds it shut: a lease
 * that had run out behind it would not be seen by who shuts it next.
 */
export async function passDoor(
  { config, emit, signal }: Run,
  session: Session,
  waitMs: number,
  knock: () => Promise<void>,
): Promise<void> {
  const { lockTimeoutMs, leaseSchema } = config
  const asker = withLocalSettings(session, { lockTimeoutMs, role: undefined })
  const ask = `select pg_catalog.pg_try_advisory_xact_lock_shared(${doorKey(leaseSchema)}) as open`
  const wait = { waitMs, setting: 'UPFRONT_WAIT_TIMEOUT', emit, signal }
  await untilDoor(asker, leaseSchema, wait, async () => {
    const [row] = await asker.query<{ open: boolean }>(ask)
    if (!row!.open) await knock()
    return row!.open
  })
}
