import type { Emit } from '../../events.ts'
import { lockKey } from '../../postgres/lock-key.ts'
import type { Session } from '../../postgres/session.ts'

/** What every scratch database says of itself, so that none is taken for one by its name alone. */
const sign = 'A scratch database of upfront: nobody needs it once the session that made it has ended.'

/** Makes the session, as long as it lives, say that a scratch database of that name is in use; comes before it is made. */
export async function claim(session: Session, name: string): Promise<void> {
  await session.query(`select pg_catalog.pg_advisory_lock(${lockKey(name)})`)
}

/** Puts the sign on a scratch database. */
export async function mark(session: Session, name: string): Promise<void> {
  await session.query(`comment on database ${name} is '${sign}'`)
}

/**
 * Drops what killed runs have left on the server: scratch databases of this very role, that bear the sign, that no session
 * claims and none is connected to. Whatever keeps it from that is no failure.
 */
export async function dropAbandoned(session: Session, emit: Emit): Promise<void> {
  const found = await session
    .query<{ name: string }>(
      `select d.datname as name from pg_catalog.pg_database d
       where d.datname ~ '^upfront_scratch_([a-z0-9_]+_)?[0-9a-f]{12}$'
         and pg_catalog.pg_get_userbyid(d.datdba) = current_user
         and pg_catalog.shobj_description(d.oid, 'pg_database') = '${sign}'
         and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)`,
    )
    .catch(() => [])
  for (const { name } of found) {
    try {
      if (await isClaimed(session, name)) continue
      await session.query(`drop database if exists ${name}`)
      emit({ type: 'warning', message: `the database ${name}, which a run that was killed had left, was dropped` })
    } catch {
      // Somebody has connected meanwhile, or was faster.
    }
  }
}

/** By any session of the server, whichever database it is connected to. */
async function isClaimed(session: Session, name: string): Promise<boolean> {
  const key = BigInt.asUintN(64, lockKey(name))
  const [row] = await session.query<{ claimed: boolean }>(
    `select exists (select from pg_catalog.pg_locks l where l.locktype = 'advisory' and l.objsubid = 1
       and l.classid = '${key >> 32n}'::oid and l.objid = '${BigInt.asUintN(32, key)}'::oid) as claimed`,
  )
  return row!.claimed
}
