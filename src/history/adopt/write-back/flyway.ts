import type { WriteBack } from './write-back.ts'

/** A repeatable one has no version, and a row for each time that it ran. */
export const flyway: WriteBack = {
  format: 'flyway',
  schema: null,
  name: 'flyway_schema_history',
  create: (table) => `create table ${table} (installed_rank int not null, version varchar(50),
      description varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int,
      installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null,
      success boolean not null, constraint flyway_schema_history_pk primary key (installed_rank));
    create index flyway_schema_history_s_idx on ${table} (success)`,
  row: ({ table, name, origin: { key, hashes }, literal }) => {
    const isRepeatable = /(^|\/)R__/.test(name)
    const description = name.replace(/^.*?__/, '').replaceAll('_', ' ')
    return [
      `insert into ${table} (installed_rank, version, description, type, script, checksum, installed_by, execution_time,
         success)
       select coalesce(pg_catalog.max(installed_rank), 0) + 1, ${isRepeatable ? 'null' : literal(key)},
         ${literal(description)}, 'SQL', ${literal(`${name}.sql`)}, ${Number(hashes[0])}, current_user, 0, true
       from ${table} returning 1`,
    ]
  },
  remove: ({ table, origin: { key }, literal }) => [`delete from ${table} where version = ${literal(key)} returning 1`],
}
