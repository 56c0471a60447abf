import { type FoundLease, readLeases } from '../../history/leases.ts'
import { type HistoryTables, historyTables, nullIfMissing } from '../../history/tables.ts'
import { versionIn } from '../../config/app-pattern.ts'
import type { Bundle } from '../../migration.ts'
import { readBackend } from '../../postgres/backend.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { applicationName } from '../server.ts'
import { compareVersions } from './versions.ts'

/** What the database shows of who uses it. */
export interface Evidence {
  /** All leases that are known of, those that have ended too. */
  readonly leases: readonly SeenLease[]
  /** The last bundle applied before that may be older; null when none is known. */
  readonly previous: PreviousBundle | null
  /** Sessions that are called as the application's are; null when nobody has told how. */
  readonly sessions: readonly SeenSessions[] | null
  /** Whether a pooler stands between us and the server, whose sessions say nothing of who uses them. */
  readonly pooled: boolean
  /** Whether the server has standbys, or others that read its log: sessions there are not seen here. */
  readonly streams: boolean
  /** How long ago a migration was last applied; null when none was. */
  readonly appliedForMs: number | null
  readonly graceMs: number
}

export interface SeenLease extends Pick<FoundLease, 'holder' | 'version' | 'state' | 'forMs'> {
  /** The first of the migrations that are needed and which the bundle of its holder has not; null for one that has all. */
  readonly lacks: string | null
}

export interface PreviousBundle {
  /** Who applied it. */
  readonly host: string
  readonly forMs: number
  readonly hasHeld: boolean
}

/** Sessions of one name and one role. */
export interface SeenSessions {
  readonly application: string
  readonly user: string
  readonly count: number
  readonly compared: ReturnType<typeof compareVersions> | 'cut off' | 'compared with nothing'
}

/**
 * Reads everything that shows whether an older version still lives: older is what lacks one of `needed`, the contract
 * migrations that are to be applied; without them what lacks any of the bundle. Shut the door before, where it matters.
 */
export async function readEvidence(
  run: Run,
  session: Session,
  bundle: Bundle,
  needed?: readonly string[],
): Promise<Evidence> {
  const { contractGraceMs: graceMs } = run.config
  const tables = historyTables(session, run.config)
  const names = needed ?? (await bundle.list()).map(({ name }) => name)
  const leases = (await readLeases(session, tables)) ?? []
  const { pid } = await readBackend(session)
  const seen = leases.map((lease) => seeLease(lease, bundle.digest, names))
  const complete = leases.filter((_, i) => seen[i]!.lacks === null)
  return {
    leases: seen,
    previous: await readPrevious(session, tables, [bundle.digest, ...complete.map((lease) => lease.bundle)], leases),
    sessions: await seeSessions(run, session),
    pooled: pid !== session.backendPid,
    streams: await hasStreams(session),
    appliedForMs: await readAppliedFor(session, tables),
    graceMs,
  }
}

function seeLease(
  { holder, version, state, forMs, bundle, names }: FoundLease,
  ours: string,
  needed: readonly string[],
) {
  const has = new Set(names.map((name) => name.normalize('NFC')))
  const lacks = bundle === ours ? undefined : needed.find((name) => !has.has(name.normalize('NFC')))
  return { holder, version, state, forMs, lacks: lacks ?? null }
}

/** The newest bundle applied that is none of those which have everything. */
async function readPrevious(
  session: Session,
  tables: HistoryTables,
  complete: readonly string[],
  leases: readonly FoundLease[],
): Promise<PreviousBundle | null> {
  const known = [...new Set(complete)].map((digest) => session.client.escapeLiteral(digest)).join(', ')
  const rows = await nullIfMissing(session, tables, () =>
    session.query<{ bundle: string; host: string; forMs: number }>(
      `select bundle, host, (extract(epoch from pg_catalog.clock_timestamp() - started_at) * 1000)::float8 as "forMs"
       from ${tables.runs} where command in ('up', 'contract') and outcome = 'done' and bundle not in (${known}) order by id desc limit 1`,
    ),
  )
  const [row] = rows ?? []
  if (!row) return null
  return { host: row.host, forMs: row.forMs, hasHeld: leases.some(({ bundle }) => bundle === row.bundle) }
}

async function seeSessions(run: Run, session: Session): Promise<readonly SeenSessions[] | null> {
  const { appPatterns, appVersion } = run.config
  if (appPatterns.length === 0) return null
  // Names are shown to every role; what kind of session it is, and what it does, is not.
  const rows = await session.query<Omit<SeenSessions, 'compared'>>(
    `select application_name as application, coalesce(usename, '') as user, count(*)::int as count
     from pg_catalog.pg_stat_activity
     where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid() and application_name <> ''
     group by 1, 2 order by 1, 2`,
  )
  return rows.flatMap((row) => {
    // The second connection of this very run.
    if (row.application.startsWith(applicationName(run))) return []
    const version = versionIn(row.application, appPatterns)
    if (version === undefined) return []
    const comparing = version === null ? 'cut off' : appVersion === null ? 'compared with nothing' : undefined
    return { ...row, compared: comparing ?? compareVersions(version!, appVersion!) }
  })
}

async function hasStreams(session: Session): Promise<boolean> {
  const [row] = await session.query<{ there: boolean }>(
    'select exists (select from pg_catalog.pg_stat_replication) as there',
  )
  return row!.there
}

async function readAppliedFor(session: Session, tables: HistoryTables): Promise<number | null> {
  const rows = await nullIfMissing(session, tables, () =>
    session.query<{ forMs: number | null }>(
      `select (extract(epoch from pg_catalog.clock_timestamp() - max(applied_at)) * 1000)::float8 as "forMs"
       from ${tables.history} where kind = 'migration'`,
    ),
  )
  return rows?.[0]?.forMs ?? null
}
