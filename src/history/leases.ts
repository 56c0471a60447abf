import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { type HistoryTables, nullIfMissing } from './tables.ts'

/** Who says that a version lives, and which one. */
export interface Lease {
  readonly id: string
  /** The name of the machine or the pod. */
  readonly holder: string
  readonly version: string | null
  readonly bundle: string
  /** Every migration of that bundle, in order. */
  readonly names: readonly string[]
  readonly ttlMs: number
}

/**
 * Takes a lease, or again what is not there any more, until one time to live from now; each in one message without
 * parameters, so that it may come through a pooler. DENIED says what to grant.
 */
export async function takeLease(session: Session, tables: HistoryTables, lease: Lease): Promise<void> {
  const text = (value: string | null | undefined) => (value == null ? 'null' : session.client.escapeLiteral(value))
  const names = `array[${lease.names.map(text).join(', ')}]::text[]`
  const { id, holder, version, bundle } = lease
  await orDenied(session, tables, () =>
    session.query(
      `insert into ${tables.leases} (id, holder, version, bundle, migrations, last, names, expires_at)
       values (${text(id)}, ${text(holder)}, ${text(version)}, ${text(bundle)}, ${lease.names.length},
         ${text(lease.names.at(-1))}, ${names}, ${end(lease)})
       on conflict (id) do update set renewed_at = pg_catalog.clock_timestamp(), expires_at = excluded.expires_at, released_at = null`,
    ),
  )
}

/**
 * Lets it last one time to live from now, or takes it again when it is not there any more; false when nobody could see it
 * for a while, because it had run out or was gone. A commit is seen when it is done, and that may be long after it was asked.
 */
export async function renewLease(session: Session, tables: HistoryTables, lease: Lease): Promise<boolean> {
  const begun = performance.now()
  const rows = await orDenied(session, tables, () =>
    session.query<{ leftMs: number }>(
      `update ${tables.leases} l set renewed_at = pg_catalog.clock_timestamp(), expires_at = ${end(lease)}
       from (select id, (extract(epoch from expires_at - pg_catalog.clock_timestamp()) * 1000)::float8 as "leftMs"
         from ${tables.leases} where id = ${session.client.escapeLiteral(lease.id)} and released_at is null) was
       where l.id = was.id returning was."leftMs"`,
    ),
  )
  if (rows.length === 0) await takeLease(session, tables, lease)
  return rows.length > 0 && rows[0]!.leftMs > performance.now() - begun
}

/** Ends it now; the row stays as the proof that this version has held leases, and that this one was given back. */
export async function releaseLease(session: Session, tables: HistoryTables, { id }: Pick<Lease, 'id'>): Promise<void> {
  const ask = () =>
    session.query(
      `update ${tables.leases} set released_at = pg_catalog.clock_timestamp(), expires_at = least(expires_at, pg_catalog.clock_timestamp())
       where id = ${session.client.escapeLiteral(id)}`,
    )
  await nullIfMissing(session, tables, ask)
}

/** Deletes what ended more than a day ago, but of each bundle the one that ended last: what is there stays bounded. */
export async function pruneLeases(session: Session, tables: HistoryTables): Promise<void> {
  await session.query(
    `delete from ${tables.leases} where id in (
       select id from ${tables.leases} old
       where expires_at < pg_catalog.clock_timestamp() - interval '1 day' and exists (
         select from ${tables.leases} later where later.bundle = old.bundle
           and (later.expires_at, later.id) > (old.expires_at, old.id))
       limit 1000 for update skip locked)`,
  )
}

function end({ ttlMs }: Lease): string {
  return `pg_catalog.clock_timestamp() + interval '${ttlMs} ms'`
}

/** A lease as it is found by somebody else. */
export interface FoundLease extends Omit<Lease, 'ttlMs'> {
  readonly state: 'living' | 'released' | 'expired'
  /** Since it was renewed, for one that lives; else since it ended. */
  readonly forMs: number
}

/**
 * All leases, the newest first; null when there is no table of them. One that was not given back lives as well while the
 * server may have been away until a moment ago, because nobody could renew it.
 */
export async function readLeases(session: Session, tables: HistoryTables): Promise<readonly FoundLease[] | null> {
  const ends = `case when l.released_at is not null then l.expires_at
    else greatest(l.expires_at, ${away} + (l.expires_at - l.renewed_at)) end`
  const age = (of: string) => `(extract(epoch from now.at - ${of}) * 1000)::float8`
  const living = `(ends > now.at or ${couldNotRenew(tables)})`
  return nullIfNotOurs(session, tables, () =>
    session.query<FoundLease>(
      `select id, holder, version, bundle, names,
         case when ${living} then 'living' when released_at is not null then 'released' else 'expired' end as state,
         case when ${living} then ${age('renewed_at')} else ${age('ends')} end as "forMs"
       from (select pg_catalog.clock_timestamp() as at) now, ${tables.leases} l, lateral (select ${ends} as ends) e
       order by taken_at desc, id`,
    ),
  )
}

/**
 * Renews in the name of their holders the leases that nobody could renew while the server was away: without that, who looks
 * again later could not tell either for how long they could.
 */
export async function renewAfterAbsence(session: Session, tables: HistoryTables): Promise<void> {
  const ask = () =>
    session.query(
      `update ${tables.leases} l set renewed_at = now.at, expires_at = now.at + (l.expires_at - l.renewed_at)
       from (select pg_catalog.clock_timestamp() as at) now where l.expires_at <= now.at and ${couldNotRenew(tables)}`,
    )
  await nullIfNotOurs(session, tables, ask)
}

/** When the server was last away: it was started, came back from a crash, or was promoted. For how long, it does not tell. */
const away = `greatest(pg_catalog.pg_postmaster_start_time(), pg_catalog.pg_stat_get_bgwriter_stat_reset_time(),
  case when not pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_xact_replay_timestamp() end)`

/** Whether lease `l` is from before that, and no other shows that the server has been back for as long as this one lasts. */
function couldNotRenew({ leases }: HistoryTables): string {
  return `(l.released_at is null and l.renewed_at < ${away} and not exists (
    select from ${leases} x, lateral (values (x.taken_at), (x.renewed_at), (x.released_at)) seen(at)
    where seen.at > ${away} and seen.at <= pg_catalog.clock_timestamp() - (l.expires_at - l.renewed_at)))`
}

/** What SQL the owner has to run for somebody who is to hold leases. */
export function grantLeases(session: Session, { schema, leases }: HistoryTables): string {
  const role = session.client.escapeIdentifier(session.role)
  return `grant usage on schema ${schema} to ${role}; grant select, insert, update, delete on ${leases} to ${role};`
}

/** In a schema that others use as well, `leases` may be a table of the application: it has no such column. */
function isNotOurs(error: unknown): boolean {
  return (error as { code?: string }).code === '42703'
}

/** What a question to the table answers; null when it does not exist, or is not ours. */
async function nullIfNotOurs<T>(session: Session, tables: HistoryTables, ask: () => Promise<T>): Promise<T | null> {
  return nullIfMissing(session, tables, ask).catch((error: unknown) => {
    if (isNotOurs(error)) return null
    throw error
  })
}

async function orDenied<T>(session: Session, tables: HistoryTables, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (isNotOurs(error)) {
      throw new Failure(
        'MISMATCH',
        `the table ${tables.leases} is not ours`,
        {
          ...(code === undefined ? {} : { sqlstate: code }),
          reason: message,
          next: 'Give our tables a schema of their own (UPFRONT_SCHEMA), or that table another name; then run upfront up again.',
        },
        error,
      )
    }
    if (code !== '42501') throw error
    throw new Failure(
      'DENIED',
      `the role ${session.client.escapeIdentifier(session.role)} may not keep a lease in ${tables.leases}`,
      { sqlstate: code, reason: message, next: `As their owner: ${grantLeases(session, tables)}` },
      error,
    )
  }
}
