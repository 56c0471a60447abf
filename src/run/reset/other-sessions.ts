import type { Session } from '../../postgres/session.ts'
import { joinNames } from '../../report/failure.ts'
import type { Run } from '../run.ts'

/** Names who else is in the database: they may hold locks, and what they have prepared will not be there. */
export async function nameSessions({ emit }: Run, session: Session): Promise<void> {
  const rows = await session.query<{ who: string }>(
    `select format('pid %s (%s, %s)', pid, coalesce(nullif(application_name, ''), 'no application name'), usename) as who
     from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database() and backend_type = 'client backend'
       and pid <> pg_catalog.pg_backend_pid() and application_name !~ '^upfront/.*' order by pid`,
  )
  if (rows.length === 0) return
  const message = `others are connected, and are left alone: ${joinNames(rows.map(({ who }) => who))}`
  emit({ type: 'warning', message })
}
