import type { Session } from './session.ts'

/** Which server process answers a session, and on which server, because a process id alone may be used again. */
export interface Backend {
  readonly pid: number
  /** When the process began, in seconds; null when we may not see it. */
  readonly since: string | null
  readonly server: ServerIdentity
}

export interface ServerIdentity {
  /** When the postmaster began, in seconds. */
  readonly started: string
  /** Where it listens, as the server sees it; empty for a Unix socket. */
  readonly address: string
  /** Of the cluster, that of a primary and its standbys; null where the role may not ask. */
  readonly system: string | null
  /** Grows with each promotion; null on a standby, and where the role may not ask. */
  readonly timeline: string | null
}

const started = 'extract(epoch from pg_catalog.pg_postmaster_start_time())::text as started'
const address = `concat_ws(':', pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.inet_server_port()) as address`
const asked = `(select system_identifier::text from pg_catalog.pg_control_system()) as system,
  case when not pg_catalog.pg_is_in_recovery() then
    left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) end as timeline`

/** The columns that identify a server; the second list is for a role that may not read the system identifier. */
export const identityColumns = [
  `${started}, ${address}, ${asked}`,
  `${started}, ${address}, null::text as system, null::text as timeline`,
] as const

/** The server process that really answers this session; touches nothing. */
export async function readBackend(session: Session): Promise<Backend> {
  const ask = async (columns: string) => {
    const [row] = await session.query<ServerIdentity & { pid: number; since: string | null }>(
      `select a.pid, extract(epoch from a.backend_start)::text as since, ${columns}
       from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a`,
    )
    const { pid, since, ...server } = row!
    return { pid, since, server }
  }
  try {
    return await ask(identityColumns[0])
  } catch (error) {
    // A managed service may keep both functions to itself.
    if ((error as { severity?: string }).severity !== 'ERROR') throw error
    return ask(identityColumns[1])
  }
}

/**
 * Compares the server that answers now with the one we know: it is the same, ours was restarted or replaced, or
 * another.
 */
export function compareServers(
  ours: ServerIdentity,
  other: ServerIdentity,
): 'same' | 'restarted' | 'replaced' | 'other' {
  if (ours.system !== other.system) return 'other'
  if (ours.started === other.started) return 'same'
  // Two servers behind one address have addresses of their own.
  const isLater = Number(other.started) > Number(ours.started)
  if (ours.address !== '' && ours.address === other.address && isLater) return 'restarted'
  const isPromoted = ours.timeline !== null && other.timeline !== null && other.timeline > ours.timeline
  return ours.system !== null && isPromoted ? 'replaced' : 'other'
}
