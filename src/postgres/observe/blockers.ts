import type { Blocker } from '../../events.ts'
import type { Session } from '../session.ts'

/** Who keeps a server process waiting; an ordinary role sees names and states of others, not their queries. */
export async function readBlockers(observer: Session, pid: number): Promise<Blocker[]> {
  return observer.query<Blocker>(
    `select a.pid, coalesce(a.application_name, '') as application, coalesce(a.usename, '') as "user",
       coalesce(a.state, '') as state,
       coalesce(extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.query_start)) * 1000, 0)::float8 as "forMs",
       left(regexp_replace(coalesce(a.query, ''), '\\s+', ' ', 'g'), 120) as query
     from pg_catalog.pg_stat_activity a
     where a.pid = any(pg_catalog.pg_blocking_pids($1)) order by a.pid limit 10`,
    [pid],
  )
}
