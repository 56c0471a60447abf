import type { WriteBack } from './write-back.ts'

/** A repeatable one has no version, and a row for each time that it ran. */
export const flyway: WriteBack = {
  format: 'flyway',
  table: 'flyway_schema_history',
  create: ({ table }) => `create table ${table} (installed_rank int not null, version varchar(50),
      description varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int,
      installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null,
      success boolean not null, constraint flyway_schema_history_pk primary key (installed_rank));
    create index flyway_schema_history_s_idx on ${table} (success)`,
  row: ({ table, name, origin: { hashes }, literal }) => {
    const { version, description } = readName(name)
    return [
      `insert into ${table} (installed_rank, version, description, type, script, checksum, installed_by, execution_time,
         success)
       select coalesce(pg_catalog.max(installed_rank), 0) + 1, ${version === null ? 'null' : literal(version)},
         ${literal(description)}, 'SQL', ${literal(`${name}.sql`)}, ${Number(hashes[0])}, current_user, 0, true
       from ${table} returning 1`,
    ]
  },
  // A row has the version as the file spelled it when it was written, and says so of a baseline as well.
  remove: ({ table, name, origin: { key }, literal }) => [
    `delete from ${table} where version in (${literal(key)}, ${literal(readName(name).version ?? key)}) and type = 'SQL' returning 1`,
  ],
}

const longestDescription = 200

/** What flyway's table has of a name: the version as it is spelled, and both texts without underscores. */
function readName(name: string): { readonly version: string | null; readonly description: string } {
  const file = name.slice(name.lastIndexOf('/') + 1)
  const [, before = '', rest = ''] = /^(.*?)(?:__(.*))?$/s.exec(file) ?? []
  const words = rest.replaceAll('_', ' ')
  return {
    version: before === 'R' ? null : before.slice(1).replaceAll('_', '.'),
    // Flyway compares the two, so what its table has no room for is cut in the same way.
    description: words.length > longestDescription ? `${words.slice(0, longestDescription - 3)}...` : words,
  }
}
