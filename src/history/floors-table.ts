/** The contract migrations that were ever applied: what an image that lacks one of them uses is gone. */
export function floorsTableSql(floors: string): string {
  return `create table if not exists ${floors} (
    name text primary key,
    since timestamptz not null default clock_timestamp()
  )`
}
