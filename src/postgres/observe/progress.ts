import type { Session } from '../session.ts'

/** How far a statement is, as Postgres tells it; `phase` is what it waits for when it has no progress to show. */
export interface StatementProgress {
  readonly phase: string
  /** 0 to 100, null when nobody can tell. */
  readonly percent: number | null
}

/** Looks in every progress view that a migration's statement may be in. */
export async function readProgress(observer: Session, pid: number): Promise<StatementProgress> {
  const [row] = await observer.query<{ phase: string | null; done: number | null; total: number | null; wait: string }>(
    `select p.phase, p.done::float8, p.total::float8, coalesce(a.wait_event_type || ': ' || a.wait_event, 'running') as wait
     from pg_catalog.pg_stat_activity a left join (
       select pid, 'create index: ' || phase as phase,
         case when phase like 'waiting%' then lockers_done when blocks_total > 0 then blocks_done else tuples_done end as done,
         case when phase like 'waiting%' then lockers_total when blocks_total > 0 then blocks_total else tuples_total end as total
       from pg_catalog.pg_stat_progress_create_index
       union all select pid, 'copy: ' || command, bytes_processed, bytes_total from pg_catalog.pg_stat_progress_copy
       union all select pid, 'vacuum: ' || phase,
         case phase when 'scanning heap' then heap_blks_scanned when 'vacuuming heap' then heap_blks_vacuumed end,
         heap_blks_total from pg_catalog.pg_stat_progress_vacuum
       union all select pid, 'cluster: ' || phase,
         case phase when 'seq scanning heap' then heap_blks_scanned end,
         heap_blks_total from pg_catalog.pg_stat_progress_cluster
     ) p using (pid) where a.pid = $1`,
    [pid],
  )
  if (!row) return { phase: 'gone', percent: null }
  const percent = row.done !== null && row.total ? Math.min(100, Math.floor((row.done / row.total) * 100)) : null
  return { phase: row.phase ?? row.wait, percent }
}
