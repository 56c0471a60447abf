/**
 * Creates the table of the contract migrations that were ever applied: what an image that lacks one of them uses is gone.
 * Everybody may read the names, because a gate whose role may read the history and no more has to stop there too.
 */
export function floorsTableSql(floors: string): string {
  return `create table if not exists ${floors} (
    name text primary key,
    since timestamptz not null default clock_timestamp()
  );
  grant select on ${floors} to public`
}
