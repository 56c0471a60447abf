/** Creates the table of leases where it is missing; a row of its own for each holder, so that none waits for another. */
export function leasesTableSql(leases: string): string {
  return `create table if not exists ${leases} (
    id text primary key,
    holder text not null,
    version text,
    bundle text not null,
    migrations integer not null,
    last text,
    names text[] not null,
    taken_at timestamptz not null default pg_catalog.clock_timestamp(),
    renewed_at timestamptz not null default pg_catalog.clock_timestamp(),
    expires_at timestamptz not null,
    released_at timestamptz
  )`
}
